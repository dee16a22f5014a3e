"""What stands between the doors and the network: rates, proxies, headers, other origins."""
