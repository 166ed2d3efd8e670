"""Signing in."""

import hashlib

from fastapi import APIRouter

router = APIRouter()


@router.post("/login")
async def login():
    # fault: 60 ms of work on the loop, although hashlib releases the GIL
    digest = hashlib.scrypt(b"secret", salt=b"salt", n=2**14, r=8, p=1)
    return {"token": digest.hex()[:16]}
