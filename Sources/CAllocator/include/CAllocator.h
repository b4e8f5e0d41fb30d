#ifndef WEIR_ALLOCATOR_H
#define WEIR_ALLOCATOR_H

#include <stddef.h>

/// Has the allocator map blocks of `mapped` bytes and more each by itself, and give memory at the end of an arena back
/// when more than `kept` bytes of it are free (`mallopt`). Without effect where the C library has no such choice.
/// Before threads are made. Swift's Glibc module hides `mallopt` and `malloc_trim`.
void weir_keep_free_memory(size_t mapped, size_t kept);

/// Gives all free memory back to the system, of every arena (`malloc_trim`). Without effect as above.
void weir_return_free_memory(void);

#endif
