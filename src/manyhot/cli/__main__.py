"""python -m manyhot.cli"""

from . import main

main()
