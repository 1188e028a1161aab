import Toro
