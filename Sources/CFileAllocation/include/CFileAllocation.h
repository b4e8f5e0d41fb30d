#ifndef WEIR_FILE_ALLOCATION_H
#define WEIR_FILE_ALLOCATION_H

#include <stddef.h>
#include <stdint.h>

/// Reserves `length` bytes for the file without changing its size (`FALLOC_FL_KEEP_SIZE`).
/// Returns 0, or the value of `errno`. Swift's Glibc module hides `fallocate`, a GNU extension.
int weir_reserve(int file_descriptor, int64_t length);

/// Reads what of `length` bytes at `offset` is in the page cache (`preadv2` with `RWF_NOWAIT`): never waits for a disk.
/// Returns the bytes read, or `errno` negated: `EAGAIN` where nothing is at hand, `EOPNOTSUPP` where the file system
/// cannot tell. Swift's Glibc module hides `preadv2`, a GNU extension.
int64_t weir_read_cached(int file_descriptor, void *buffer, size_t length, int64_t offset);

/// Marks the calling thread as one of `pool`, for as long as it lives.
void weir_enter_pool(const void *pool);

/// What the calling thread was marked as; null for any other thread.
const void *weir_current_pool(void);

#endif
