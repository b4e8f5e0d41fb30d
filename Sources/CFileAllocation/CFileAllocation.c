#define _GNU_SOURCE
#include "CFileAllocation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>

int weir_reserve(int file_descriptor, int64_t length) {
    return fallocate(file_descriptor, FALLOC_FL_KEEP_SIZE, 0, length) == 0 ? 0 : errno;
}
