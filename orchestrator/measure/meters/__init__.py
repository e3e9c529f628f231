"""Power meters on the controller's side: between the device and its supply. A module each."""
