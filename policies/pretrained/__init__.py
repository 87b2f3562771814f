"""Pretrained models: found on this machine or fetched from Hugging Face, and loaded with an account of every tensor."""
