/* libFuzzer harness of the configuration parser. Build: CC=clang meson setup DIR -Dfuzz=true; run: fuzz_cfg DIR-FOR-NEW
 * tests/fuzz/corpus/cfg (what it finds goes to the first directory). */
#include "tests/fuzz/cfg_drive.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    (void)cfg_drive(text);
    free(text);
    return 0;
}
