// SPDX-License-Identifier: Apache-2.0
// X25519 (RFC 7748 5): the scalar, the choice of a path, and the verdict.

#include "noise/x25519.h"

#include "noise/bytes.h"
#include "noise/ct.h"
#include "noise/x25519_paths.h"

// RFC 7748 5: decodeScalar25519.
void x25519_clamp(uint8_t scalar[static X25519_KEY_LEN],
                  const uint8_t private_key[static X25519_KEY_LEN])
{
    bytes_copy(scalar, private_key, X25519_KEY_LEN);
    scalar[0] &= 248;
    scalar[31] &= 127;
    scalar[31] |= 64;
}

static void multiply(const struct x25519_job *job)
{
    if (job->public_key != NULL) {
        x25519_ladder(job->shared, job->private_key, job->public_key);
    } else {
#ifdef NOISE_NO_COMB
        static const uint8_t nine[X25519_KEY_LEN] = {9};
        x25519_ladder(job->shared, job->private_key, nine);
#else
        x25519_comb(job->shared, job->private_key);
#endif
    }
}

static void judge(struct x25519_job *job)
{
    // Public: an all-zero product ends the handshake visibly (RFC 7748 6.1).
    job->error =
        ct_declassify(ct_is_zero(job->shared, X25519_KEY_LEN)) ? NOISE_ERR_LOW_ORDER : NOISE_OK;
}

CT_WORKER void multiply_each(struct x25519_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        multiply(&jobs[i]);
        judge(&jobs[i]);
    }
}

#ifdef NOISE_X86
CT_WORKER void multiply_in_vectors(struct x25519_job *jobs, size_t count)
{
    for (size_t done = 0; done < count; done += X25519_TOGETHER) {
        size_t left = count - done;
        x25519_x86(jobs + done, left < X25519_TOGETHER ? left : X25519_TOGETHER);
    }
    for (size_t i = 0; i < count; i++) {
        judge(&jobs[i]);
    }
}
#endif

void x25519_batch(struct x25519_job *jobs, size_t count)
{
    if (count == 0) {
        return;
    }
#ifdef NOISE_X86
    if (noise_cpu_has(NOISE_CPU_AVX2)) {
        multiply_in_vectors(jobs, count);
        if (count == 1 && jobs->public_key != NULL) {
            ct_wipe_stack_dh();
        } else {
            ct_wipe_stack_dhs();
        }
        return;
    }
#endif
    multiply_each(jobs, count);
    ct_wipe_stack_dh();
}

// NOLINTBEGIN(readability-non-const-parameter): outputs, through the job
enum noise_error x25519(uint8_t shared[static X25519_KEY_LEN],
                        const uint8_t private_key[static X25519_KEY_LEN],
                        const uint8_t public_key[static X25519_KEY_LEN])
{
    struct x25519_job job = {shared, private_key, public_key, NOISE_OK};

    x25519_batch(&job, 1);
    return job.error;
}

void x25519_base(uint8_t public_key[static X25519_KEY_LEN],
                 const uint8_t private_key[static X25519_KEY_LEN])
{
    struct x25519_job job = {public_key, private_key, NULL, NOISE_OK};

    x25519_batch(&job, 1);
}
// NOLINTEND(readability-non-const-parameter)
