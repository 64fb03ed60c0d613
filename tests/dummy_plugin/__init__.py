"""A plugin that says everything a plugin may say, for the tests of the core."""
