/* eng_vaes_frame: what the vaes kernels leave on the stack, wiped.
 *
 * A compiler puts on the stack what finds no register: round keys, powers of H, sums of products, a tag's mask. Nobody but it knows where in the frame, so all of the
 * frame is written over once the kernel has returned. A test looks for what should not be there (no_key_stays_on_the_stack).
 *
 * Internal to the vaes engine's kernels. */
#ifndef DATAPLANE_ENGINE_ENG_VAES_FRAME_H
#define DATAPLANE_ENGINE_ENG_VAES_FRAME_H

/* Of a kernel: it has a frame of its own. */
#define VAES_OWN_FRAME static __attribute__((noinline))

/* name(): to be called right after a kernel, and so in the place of its frame, of up to `octets`; vec: the vector type to write with. */
#define VAES_FRAME_WIPE(name, vec, octets)                                                                   \
    VAES_OWN_FRAME void name(void)                                                                           \
    {                                                                                                        \
        vec area[(octets) / sizeof(vec)];                                                                    \
        for (unsigned i = 0; i < sizeof area / sizeof *area; i++)                                            \
            area[i] = (vec){0};                                                                              \
        __asm__ volatile("" : : "r"(area) : "memory");                                                       \
    }

#endif
