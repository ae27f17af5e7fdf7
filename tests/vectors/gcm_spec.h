/* gcm_spec: what AES and GCM were published with.
 *
 * Sources: FIPS 197 appendix A (key and last round key of each size); McGrew and Viega, The Galois/Counter Mode of Operation,
 * appendix B, test cases 4, 10 and 16, which NIST published with the mode (their AAD and tag are left out). */
#ifndef TESTS_VECTORS_GCM_SPEC_H
#define TESTS_VECTORS_GCM_SPEC_H

/* clang-format off */
static const struct {
    const char *key, *last;
} fips197_schedules[] = {
    {"2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6"},
    {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "e98ba06f448c773c8ecc720401002202"},
    {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "fe4890d1e6188d0b046df344706c631e"},
};

static const struct {
    const char *key, *nonce, *text, *cipher;
} gcm_spec[] = {
    {"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
     "2fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c"
     "7d8f6a5aac84aa051ba30b396a0aac973d58e091"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
     "2fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525"
     "ac619d18c84a3f4718e2448b2fe324d9ccda2710"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
     "2fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3d"
     "a7b08b1056828838c5f61e6393ba7a0abcc9f662"},
};
/* clang-format on */

#endif
