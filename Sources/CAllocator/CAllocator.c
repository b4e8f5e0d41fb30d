#include "CAllocator.h"

#ifdef __GLIBC__
#include <malloc.h>

void weir_keep_free_memory(size_t mapped, size_t kept) {
    mallopt(M_MMAP_THRESHOLD, (int)mapped);
    mallopt(M_TRIM_THRESHOLD, (int)kept);
}

void weir_return_free_memory(void) { malloc_trim(0); }
#else
void weir_keep_free_memory(size_t mapped, size_t kept) {
    (void)mapped;
    (void)kept;
}

void weir_return_free_memory(void) {}
#endif
