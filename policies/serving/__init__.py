"""Policies over the network: server and client of openpi's websocket protocol."""
