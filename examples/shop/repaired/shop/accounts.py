"""Signing in."""

import asyncio
import functools
import hashlib

from fastapi import APIRouter

router = APIRouter()
scrypt = functools.partial(hashlib.scrypt, n=2**14, r=8, p=1)


@router.post("/login")
async def login():
    digest = await asyncio.to_thread(scrypt, b"secret", salt=b"salt")
    return {"token": digest.hex()[:16]}
