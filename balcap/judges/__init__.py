"""Who answers the questions of a head."""
