#ifndef FUZZ_C_H
#define FUZZ_C_H
#include <stddef.h>
#include <stdint.h>

// Makes the calls of toro.h that the bytes say, in virtual time. What is wrong with what came of them, or NULL.
const char *fuzz_c(const uint8_t *data, size_t size);

#endif
