"""What `pytest_plugin` is made of."""
