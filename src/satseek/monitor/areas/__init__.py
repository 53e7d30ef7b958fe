"""A map and a sample of what places really are → accuracy, and areas that can be defended."""
