"""Staff and the desk: their accounts, how they sign in, and the trail of what they did."""
