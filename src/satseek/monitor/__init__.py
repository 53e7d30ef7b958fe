"""What the ground shows at one date and another → findings that people act on and can defend.

Knows no door, no queue and no runtime: every door and every task calls the same verbs.
"""
