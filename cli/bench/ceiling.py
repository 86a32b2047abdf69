"""The ceiling of delivery: how many RSA-2048 signatures OpenSSL makes a second on all the cores we use."""

import multiprocessing
import os
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed


def _sign_for(seconds: float) -> float:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    how, digest = padding.PKCS1v15(), Prehashed(hashes.SHA256())
    made, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for _ in range(50):
            key.sign(b"x" * 32, how, digest)
        made += 50
    return made / (time.perf_counter() - begun)


def signatures_per_second(seconds: float = 3.0) -> float:
    """Signatures a second, summed over one process a core, all at once."""
    cores = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(_sign_for, [seconds] * cores))
