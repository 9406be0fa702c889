"""Mail: composing each kind of mail, the transports, and the courier that uses them."""
