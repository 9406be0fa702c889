"""What came back after a mail was sent, read: bounces, delays, complaints, automatic answers. Pure.

`read_returned_mail` is the way in. It says what a message means, not whether it is true: anybody can write
one, so who acts on it first asks whether one of `ReturnedMail.arrived_at` carries a token of ours.
"""
