"""What was seen to be different on the ground: kept, decided on by people, handed out."""
