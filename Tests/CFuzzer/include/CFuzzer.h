#pragma once
#include <stddef.h>
#include <stdint.h>

// Of libFuzzer, which is linked as a library without its own main.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
