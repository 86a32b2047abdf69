"""The main job on real input and real parts, told as a story; every figure of it is checked."""
