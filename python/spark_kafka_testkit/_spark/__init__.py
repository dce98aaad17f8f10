"""Put the helper and the connector on a Spark session."""
