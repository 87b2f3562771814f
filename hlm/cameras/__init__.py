"""Camera drivers, each a `hlm.core.protocols.Cameras`, and the processes that they run in."""
