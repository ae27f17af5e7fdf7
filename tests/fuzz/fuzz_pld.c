/* libFuzzer harness of the IKEv2 codec. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_pld DIR-FOR-NEW
 * tests/fuzz/corpus/pld (what it finds goes to the first directory). */
#include "tests/fuzz/pld_drive.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    pld_drive(copy, size);
    free(copy);
    return 0;
}
