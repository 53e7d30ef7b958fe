"""What the ground shows at one date and another → findings that people act on and can defend."""
