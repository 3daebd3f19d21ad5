"""The country in small: five offices from the five plans, one file each, with the lines that such an office would have."""
