"""The parts of `pytest_plugin`."""
