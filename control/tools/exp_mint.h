/* exp_mint: the certificates of the simulated ends: copies of those in the files, and made-up ones. */
#ifndef CONTROL_TOOLS_EXP_MINT_H
#define CONTROL_TOOLS_EXP_MINT_H

#include "control/tools/exp_pki.h"

/* Fills in the CAs of x, and certificate and key of each trust-point that has one. Whose certificate cannot be copied (a key too short) is left without. */
CV_MUST_USE cv_result exp_mint(struct exp_pki *x);

#endif
