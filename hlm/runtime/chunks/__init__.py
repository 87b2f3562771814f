"""Action chunks over time: how a policy is asked for them, when, and what is played of them."""
