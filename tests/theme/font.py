"""A font of our own to serve: every letter is a box of two em, so that a browser that uses it shows it."""

from __future__ import annotations

from base64 import b64decode

EM_PER_LETTER = 2
# made with fontTools: one glyph, 1900 by 700 units of 1000, for U+0020 to U+007E
TWICE = b64decode(
    "d09GMgABAAAAAAEwAAoAAAAAAzAAAADpAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAABmAAgXIKHDoBNgIkAwYLBgAEIAVaByobjwIQ"
    "nge2rWK9gbCktY3P8jwe/rlX7xsZk3LCnVgdm7wcoC6micUAlQtS/tD/zvvKvGqXYZEnKUVKjPILsrMeYp4et8ACiaMWAER5cNCD"
    "UDvBd78eMJa7jSEOPY5WtG+zW0c12UdGmjkADyUceKsDiP4B4IFNFDYRku0XehV4GwYcgEL/u5yHBI1AYwZoQPTi2T9pfe/aBwLB"
    "2UXI7f+06g+8nP7NO8Jk595REgR1MFwy2RNNdhgAIMaHGFILkAAAaOcChBECpImREj0T5pZtprXtduf3q5Lk6ooqskVzDNnmONOH"
    "7nicDw=="
)
