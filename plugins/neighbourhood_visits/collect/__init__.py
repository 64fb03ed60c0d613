"""How questions come in: on the page, by code, by phone, on paper, at a stall, by mail, from a place."""
