/* libFuzzer harness of the IKEv1 codec. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_pld1 DIR-FOR-NEW
 * tests/fuzz/corpus/pld1 (what it finds goes to the first directory). */
#include "tests/fuzz/pld1_drive.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    pld1_drive(copy, size);
    free(copy);
    return 0;
}
