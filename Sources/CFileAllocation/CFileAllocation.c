#define _GNU_SOURCE
#include "CFileAllocation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/uio.h>

int weir_reserve(int file_descriptor, int64_t length) {
    return fallocate(file_descriptor, FALLOC_FL_KEEP_SIZE, 0, length) == 0 ? 0 : errno;
}

int64_t weir_read_cached(int file_descriptor, void *buffer, size_t length, int64_t offset) {
    struct iovec part = {.iov_base = buffer, .iov_len = length};
    ssize_t count = preadv2(file_descriptor, &part, 1, offset, RWF_NOWAIT);
    return count >= 0 ? count : -errno;
}

static _Thread_local const void *current_pool;

void weir_enter_pool(const void *pool) { current_pool = pool; }

const void *weir_current_pool(void) { return current_pool; }
