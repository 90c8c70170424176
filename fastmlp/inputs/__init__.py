"""X and y as the engine reads them: validated, encoded, scaled."""
