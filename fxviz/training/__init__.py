"""What a training run did: watched while it trains, written as open files, read, compared, drawn, and put into words.

`fxviz.training.recording` writes a run and is the part that needs torch; all else here reads one and does not.
"""
