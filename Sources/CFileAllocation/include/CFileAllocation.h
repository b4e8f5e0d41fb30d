#ifndef WEIR_FILE_ALLOCATION_H
#define WEIR_FILE_ALLOCATION_H

#include <stdint.h>

/// Reserves `length` bytes for the file without changing its size (`FALLOC_FL_KEEP_SIZE`).
/// Returns 0, or the value of `errno`. Swift's Glibc module hides `fallocate`, a GNU extension.
int weir_reserve(int file_descriptor, int64_t length);

#endif
