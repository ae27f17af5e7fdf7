/* esp_vectors: published test vectors of the ESP transforms, in the form of whole ESP packets.
 *
 * Sources: draft-mcgrew-gcm-test-01 section 4 (AES-GCM and GMAC in ESP); RFC 7634 appendix A; RFC 3602
 * section 4 cases 5 to 8, which have no integrity: an HMAC-SHA1-96 under the key 00 01 .. 13 was added with OpenSSL;
 * RFC 2202 and RFC 4868 section 2.7.2 for HMAC, whose first eight octets of data stand for the ESP header. */
#ifndef TESTS_VECTORS_ESP_VECTORS_H
#define TESTS_VECTORS_ESP_VECTORS_H

#include "common/contract.h"

struct esp_vector {
    const char *source;
    uint16_t encr, integ;
    const char *key, *salt, *integ_key; /* hex */
    int esn;
    uint32_t seq_hi;
    const char *packet; /* ESP header, IV, ciphertext, ICV */
    const char *text;   /* payload with padding, pad length and next header */
};

/* clang-format off */
static const struct esp_vector esp_vectors[] = {
    {"draft-mcgrew-gcm-test-01 GCM 1", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "4c80cdefbb5d10da906ac73c3613a634", "2e443b68", "",
     1, 0x87654321,
     
     "00004321000000004956ed7e3b244cfefecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
     "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732459018148f6cbe72"
     "2fd04796562dfdb4",
     
     "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f7564700373"
     "69700963796265726369747902646b000021000101020201"},
    {"draft-mcgrew-gcm-test-01 GCM 2", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "feffe9928665731c6d6a8f9467308308", "cafebabe", "",
     0, 0x00000000,
     
     "0000a5f80000000afacedbaddecaf888deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
     "3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd183b70d3aa8bc6ee4c309e9d85a41ad4a",
     
     "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d0010000010000000000000373697009637962"
     "65726369747902646b00000100010001"},
    {"draft-mcgrew-gcm-test-01 GCM 3", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "abbccddef00112233445566778899aababbccddef00112233445566778899aab", "11223344", "",
     0, 0x00000000,
     
     "4a2cbfe3000000020102030405060708ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763"
     "748a637985771d347f0545659f14e99def842d8eb335f4eecfdbf831824b4c4915956c96",
     
     "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b401010402"
     "01020201"},
    {"draft-mcgrew-gcm-test-01 GCM 4", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "00000000000000000000000000000000", "00000000", "",
     0, 0x00000000,
     
     "000000000000000100000000000000004688daf2f973a392732909c331d56d60f694abaa414b5e7ff5fdcdfff5e9a284"
     "456476492719ffb64de7d9dca1e1d894bc3bd57873ed4d181d19d4d5c8c18af3f821d496eeb096e98ad2b69e4799c71d",
     
     "4500003c99c500008001cb7a40679318010101010800075c020044006162636465666768696a6b6c6d6e6f7071727374"
     "75767761626364656667686901020201"},
    {"draft-mcgrew-gcm-test-01 GCM 5", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "3de09874b388e6491988d0c3607eae1f", "57690e43", "",
     1, 0x10101010,
     
     "42f67e3f101010104e280000a2fca1a3fba2caa4853cf9f0f22cb10d86dd83b0fec75691cf1a04b00d1138ec9c357917"
     "65acbd8701ad79845bf9fe3fba487bc91755e6662b4c8d0d1f5e22739530320ae0d731cc978ecafaeae88f00e80d6e48",
     
     "4500003c99c300008001cb7c40679318010101010800085c020043006162636465666768696a6b6c6d6e6f7071727374"
     "75767761626364656667686901020201"},
    {"draft-mcgrew-gcm-test-01 GCM 6", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "3de09874b388e6491988d0c3607eae1f", "57690e43", "",
     1, 0x10101010,
     
     "42f67e3f101010104e280000a2fca1a3fba2ca845e5df9f0f22c3e6e86dd831e1fc65792cd1af9130e1379ed369f071f"
     "35e034be95f112e4e7d05d35",
     "4500001c42a200008001441f406793b6e00000020a00f5ff01020201"},
    {"draft-mcgrew-gcm-test-01 GCM 7", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "feffe9928665731c6d6a8f9467308308feffe9928665731c", "cafebabe", "",
     0, 0x00000000,
     
     "0000a5f80000000afacedbaddecaf888a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0"
     "315b27452144cc7795457b9652037f5318027b5b4cd7a636",
     "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001"},
    {"draft-mcgrew-gcm-test-01 GCM 8", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "abbccddef00112233445566778899aab", "decaf888", "",
     1, 0x00000000,
     
     "0000010000000001cafedebaceface7418a6fd42f72cbf4ab2a2ea901f73d814e3e7f243d95412e1c349c1d2fbec168f"
     "9190feebaf2cb01984e65863965d7472b79da345e0e780191f0d2f0e0f496c226f2127b27db35724e7845d68651f57e6"
     "5f354f75ff17015769623436",
     
     "4500004933ba00007f119106c3fb1d10c2b1d326c02831ce0035dd7b800302d500004e20001e8c18d75b81dc91baa047"
     "6b91b924b280389d92c963bac046ec959b6266c04722b14923010101"},
    {"draft-mcgrew-gcm-test-01 GCM 9", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "abbccddef00112233445566778899aababbccddef00112233445566778899aab", "73616c74", "",
     1, 0x156f3126,
     
     "17405e67dd0db99b616e640169766563f2d69ecdbd5a0d5b8d5ef38bad4da58d1f278fde98ef67549d524a3018d9a57f"
     "f4d3a31ce673119e451626c2415771e3b7eebca614c89b35",
     "45080028732c00004006e9f90a0106120a01038f06b88023dd6bafbecb71260250101f646d540001"},
    {"draft-mcgrew-gcm-test-01 GCM 10", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "3de09874b388e6491988d0c3607eae1f", "57690e43", "",
     1, 0x10101010,
     
     "42f67e3f101010104e280000a2fca1a3fba2cad12fc1f9f00d3cebf305410db83d7784b607323d220f24b0a97d541828"
     "00cadb0f68d99ef0e0c0c89ae9bea8884e52d65bc1afd0740f742444747b5b39ab533163aad4550ee5160975cdb608c5"
     "769189609763b8e18caa81e2",
     
     "45000049333e00007f119182c3fb1d10c2b1d326c02831ce0035cb458003025b000001e0001e8c18d65759d52284a035"
     "2c71475c8880391c764d6e5ee0496b325ae270c03899493915010101"},
    {"draft-mcgrew-gcm-test-01 GCM 11", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "abbccddef00112233445566778899aababbccddef00112233445566778899aab", "73616c74", "",
     1, 0x156f3126,
     
     "17405e67dd0db99b616e640169766563d4b7ed86a1777f2ea13d6973d324c69e7b43f826fb56831226508bebd2dceb18"
     "d0a6df10e5487df074113e14c641024e3e6773d91a62ee429b043a10e3efe6b012a49363412364f8c0cac587f249e56b"
     "11e24f30e44ccc76",
     
     "636973636f0172756c657301746865016e6574776501646566696e6501746865746563686e6f6c6f6769657301746861"
     "7477696c6c01646566696e65746f6d6f72726f7701020201"},
    {"draft-mcgrew-gcm-test-01 GCM 12", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "7d773d00c144c525ac619d18c84a3f47", "d9664267", "",
     0, 0x00000000,
     "335467aeffffffff43457e9182443bc6437f866bcb3f699fe9b0822bac961c4504bef270",
     "01020201"},
    {"draft-mcgrew-gcm-test-01 GCM 13", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "abbccddef00112233445566778899aab", "decaf888", "",
     1, 0x00000000,
     
     "0000010000000001cafedebaceface7429c9fc69a197d038ccdd14e2ddfcaa0543332164412503524303ed3c6c5f2838"
     "43af8c3e",
     "746f016265016f72016e6f7401746f0162650001"},
    {"draft-mcgrew-gcm-test-01 GCM 14", CV_ENCR_AES_GCM_16, CV_INTEG_NONE,
     "6c6567616c697a656d6172696a75616e61616e64646f69746265666f72656961", "7475726e", "",
     1, 0xffffffff,
     
     "796b6963ffffffff333021696765746df97ab2aa356d8edce17644ac8c78e25dd24dedbb29ebf1b64a274b39b49c3a86"
     "4cd3d78ca4ae68a32b42458fb57dbe821dcc63b9d0937ba2945f669368661a329fb4c053",
     
     "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f7071727374"
     "01020201"},
    {"draft-mcgrew-gcm-test-01 GMAC", CV_ENCR_NULL_AES_GMAC, CV_INTEG_NONE,
     "4c80cdefbb5d10da906ac73c3613a634", "22433c64", "",
     0, 0x00000000,
     
     "0000432100000007000000000000000045000030da3a00008001df3bc0a80005c0a800010800c6cd0200070061626364"
     "65666768696a6b6c6d6e6f707172737401020201f2a9a836e155106aa8dcd618e4099aaa",
     
     "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f7071727374"
     "01020201"},
    {"RFC 7634 appendix A", CV_ENCR_CHACHA20_POLY1305, CV_INTEG_NONE,
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "a0a1a2a3", "",
     0, 0x00000000,
     
     "0102030400000005101112131415161724039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
     "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da"
     "9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43",
     
     "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f10111213"
     "1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204"},
    {"RFC 3602 4 case 5 (ICV added)", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96,
     "90d382b410eeba7ad938c46cec1a82bf", "", "000102030405060708090a0b0c0d0e0f10111213",
     0, 0x00000000,
     
     "0000432100000001e96e8c08ab465763fd098d45dd3ff893f663c25d325c18c6a9453e194e120849a4870b66cc6b9965"
     "330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d59"
     "13ac19b7cfbad4a69a338e6bd44d34499ec1548b",
     
     "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
     "28292a2b2c2d2e2f30313233343536370102030405060708090a0b0c0d0e0e01"},
    {"RFC 3602 4 case 6 (ICV added)", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96,
     "90d382b410eeba7ad938c46cec1a82bf", "", "000102030405060708090a0b0c0d0e0f10111213",
     0, 0x00000000,
     
     "000043210000000869d08df7d203329db093fc4924e5bd80f51995881ec4e0c4488987ce742e8109689bb379d2d750c0"
     "d915dca346a89f75bd250fd9c45d243d6e6e8788",
     "0800b5e8a80a0500a69c083d0b660e0077777777777777777777777701020201"},
    {"RFC 3602 4 case 7 (ICV added)", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96,
     "0123456789abcdef0123456789abcdef", "", "000102030405060708090a0b0c0d0e0f10111213",
     0, 0x00000000,
     
     "0000876500000002f4e765244f6407adf13dc1380f673f37773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a9301"
     "3c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2"
     "201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d2cf1e8c1a94723b88060224a",
     
     "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f10111213"
     "1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233343536370102030405060708090a0a04"},
    {"RFC 3602 4 case 8 (ICV added)", CV_ENCR_AES_CBC, CV_INTEG_HMAC_SHA1_96,
     "0123456789abcdef0123456789abcdef", "", "000102030405060708090a0b0c0d0e0f10111213",
     0, 0x00000000,
     
     "000087650000000585d47224b5f3dd5d2101d4ea8dffab2215b92683819596a8047232cc00f7048fe45318e11f8a0f62"
     "ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc"
     "6d17a0decbb13892a29f2705fda792723cd0fa8a",
     
     "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffffffffffffffff"
     "ffffffffffffffffffffffffffffffffffffffff0102030405060708090a0a04"},
    {"RFC 2202 2 case 3", CV_ENCR_NULL, CV_INTEG_HMAC_MD5_96,
     "", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     0, 0x00000000,
     
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddd56be34521d144c88dbb8c733",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"},
    {"RFC 2202 3 case 3", CV_ENCR_NULL, CV_INTEG_HMAC_SHA1_96,
     "", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     0, 0x00000000,
     
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddd125d7342b9ac11cd91a39af4",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"},
    {"RFC 4868 2.7.2 AUTH256-2", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_256_128,
     "", "", "4a6566654a6566654a6566654a6566654a6566654a6566654a6566654a656665",
     0, 0x00000000,
     "7768617420646f2079612077616e7420666f72206e6f7468696e673f167f928588c5cc2eef8e3093caa0e87c",
     "79612077616e7420666f72206e6f7468696e673f"},
    {"RFC 4868 2.7.2 AUTH256-3", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_256_128,
     "", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     0, 0x00000000,
     
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "ddddcdcb1220d1ecccea91e53aba3092f962",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"},
    {"RFC 4868 2.7.2 AUTH256-4", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_256_128,
     "", "", "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
     0, 0x00000000,
     
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcd372efcf9b40b35c2115b1346903d2ef4",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"},
    {"RFC 4868 2.7.2 AUTH384-2", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_384_192,
     "", "", "4a6566654a6566654a6566654a6566654a6566654a6566654a6566654a6566654a6566654a6566654a6566654a656665",
     0, 0x00000000,
     
     "7768617420646f2079612077616e7420666f72206e6f7468696e673f2c7353974f1842fd66d53c452ca42122b28c0b59"
     "4cfb184d",
     "79612077616e7420666f72206e6f7468696e673f"},
    {"RFC 4868 2.7.2 AUTH384-3", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_384_192,
     "", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     0, 0x00000000,
     
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddd809f439be00274321d4a538652164b53554a508184a0c316",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"},
    {"RFC 4868 2.7.2 AUTH384-4", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_384_192,
     "", "", "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f200a0b0c0d0e0f10111213141516171819",
     0, 0x00000000,
     
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcd5b540085c6e6358096532b2493609ed1cb298f774f87bb5c",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"},
    {"RFC 4868 2.7.2 AUTH512-3", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_512_256,
     "", "", 
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     0, 0x00000000,
     
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddd2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"},
    {"RFC 4868 2.7.2 AUTH512-4", CV_ENCR_NULL, CV_INTEG_HMAC_SHA2_512_256,
     "", "", 
     "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30"
     "3132333435363738393a3b3c3d3e3f40",
     0, 0x00000000,
     
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcd5e6688e5a3daec826ca32eaea224eff5e700628947470e13ad01302561bab108",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"},
};
/* clang-format on */

#endif
