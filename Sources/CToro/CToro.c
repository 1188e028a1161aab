// The package manager asks a C target for a source. The library is written in Swift, in Sources/ToroC; this one sees that
// the header stands by itself.
#include "toro.h"
