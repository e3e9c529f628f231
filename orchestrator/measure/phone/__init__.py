"""Setting a phone up, step by step: what its owner types in Termux once, and what the adb shell can do from here."""
