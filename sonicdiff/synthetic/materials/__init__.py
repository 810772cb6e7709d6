"""Things struck and scraped with a drumstick, as the Greatest Hits set has them: how they look, how they sound, what is said of them."""
