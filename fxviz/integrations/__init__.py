"""fxviz in other programs: documentation builders, notebooks, Netron, browsers, test suites."""
