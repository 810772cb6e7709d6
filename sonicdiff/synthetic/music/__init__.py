"""Music made by code: composed by rules, played through a sound font, described in words. All seeded."""
