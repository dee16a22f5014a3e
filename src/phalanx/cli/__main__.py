"""`python -m phalanx.cli`: the same as `phalanx`, wherever the folder was moved."""

from phalanx.cli import app

if __name__ == "__main__":
    app(prog_name="phalanx")
