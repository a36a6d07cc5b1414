// SPDX-License-Identifier: Apache-2.0
// Inversion modulo 2^255 - 19, twice: by the constant-time extended GCD of Bernstein and Yang, "Fast constant-time gcd
// computation and modular inversion" (2019), and, for size, by Fermat's theorem, which takes seven times as long and next to
// no code.

#include "noise/fe25519.h"

#ifdef NOISE_SMALL

// a^(p-2), p - 2 = 2^255 - 21: all of its 255 bits are 1 but bits 4 and 2.
void fe_invert(struct fe *r, const struct fe *a)
{
    struct fe t = *a;

    for (int i = 253; i >= 0; i--) {
        fe_square_call(&t, &t);
        if (i != 4 && i != 2) {
            fe_mul_call(&t, &t, a);
        }
    }
    *r = t;
}

#else

// A division step takes (delta, f, g), f odd, to
//
//     (1 - delta, g, (g - f) / 2)            where delta > 0 and g is odd
//     (1 + delta, f, (g + (g mod 2) f) / 2)  otherwise
//
// Begun at delta = 1/2, f = p, g = a, it has g = 0 and f = +-gcd after at most 590 steps for numbers of 256 bits
// (Wuille, "Bounds on the divsteps iterations in safegcd", 2021). What n steps do to (f, g) is a matrix over 2^n that
// depends on delta and the low n bits alone, so steps are gathered: 20 on words, 3 times that on the low limb, and then
// the matrix of 60 steps goes over the whole numbers. The same matrices take (0, 1) to (d, e) with d a = 2^600 f
// modulo p, so 1 / a = d f / 2^600 in the end.
enum {
    STEPS = 20,
    GATHERED = 3,
    ROUNDS = 10, // 600 steps; with g = 0 further ones change nothing
    WIDE_BITS = STEPS * GATHERED,
    WIDE_LIMBS = 5,
};

// f_0 + 2^60 f_1 + ...: limbs in [0, 2^60), the last one signed.
struct wide {
    int64_t v[WIDE_LIMBS];
};

static const int64_t wide_mask = ((int64_t)1 << WIDE_BITS) - 1;

// Rows for f and g: |u| + |v| <= 2^60 and |q| + |r| <= 2^60.
struct matrix {
    int64_t u, v, q, r;
};

// Everything that lives through an inversion.
struct inversion {
    struct wide f, g;
    struct fe d, e;  // tight
    int64_t minus_d; // -(delta + 1/2)
};

// One step on packed rows. A row is a number x of 20 bits and what it is made of, times 2^20, each negated:
//
//     x - 2^21 u - 2^42 v,  |x| < 2^20,  |u| + |v| <= 2^20 and neither is -2^20
//
// so that adding, negating and halving does all three at once. At the beginning (u, v) is (2^20, 0) for f and
// (0, 2^20) for g. |x| stays below 2^20 because (x +- y) / 2 is no larger than the larger of them; and no sum leaves
// 64 bits, because two rows are never both (0, 2^20).
//
// CT: secret = everything.
static inline __attribute__((always_inline)) void step(uint64_t *f, uint64_t *g, uint64_t *minus_d)
{
    uint64_t swap = ct_sign_mask_u64(*minus_d);
    uint64_t odd = ct_mask_u64(*g & 1);

    *g += ((*f ^ swap) - swap) & odd;
    swap &= odd;
    *f += *g & swap; // f + (g - f)
    *g = (uint64_t)((int64_t)*g >> 1);
    *minus_d = (*minus_d ^ swap) - 1;
}

// -u and -v of a row.
static inline void unpack(int64_t *u, int64_t *v, uint64_t row)
{
    row += (uint64_t)1 << STEPS; // x + 2^20 is in (0, 2^21)
    *u = (int64_t)(row << 22) >> 43;
    *v = (int64_t)(row + ((uint64_t)1 << 41)) >> 42;
}

// The matrix, negated, of 20 steps for numbers that end in f and g.
static __attribute__((noinline)) void steps(struct matrix *m, int64_t *minus_d, int64_t f,
                                            int64_t g)
{
    uint64_t low = ((uint64_t)1 << STEPS) - 1;
    uint64_t row_f = ((uint64_t)f & low) - ((uint64_t)1 << 41);
    uint64_t row_g = ((uint64_t)g & low) - ((uint64_t)1 << 62);
    uint64_t delta = (uint64_t)*minus_d;

    for (int i = 0; i < STEPS; i += 4) {
        step(&row_f, &row_g, &delta);
        step(&row_f, &row_g, &delta);
        step(&row_f, &row_g, &delta);
        step(&row_f, &row_g, &delta);
    }
    *minus_d = (int64_t)delta;
    unpack(&m->u, &m->v, row_f);
    unpack(&m->q, &m->r, row_g);
}

// (x f + y g) / 2^20 in its low 44 bits; what is above 2^64 wraps, which only unsigned numbers may do.
static int64_t low_bits(int64_t x, int64_t f, int64_t y, int64_t g)
{
    return (int64_t)((uint64_t)x * (uint64_t)f + (uint64_t)y * (uint64_t)g) >> STEPS;
}

// The matrix, negated, of the next 60 steps. From one 20 to the next the low bits are kept up to date: of the 60 of a
// limb, 40 and then 20 are still right. With -T for T both numbers come out negated, and nothing else changes:
// the steps for -f and -g are those for f and g.
static void gather(struct matrix *m, struct inversion *s)
{
    struct matrix t, next;
    int64_t f = s->f.v[0], g = s->g.v[0];

    steps(m, &s->minus_d, f, g);
    t = *m;
    for (int i = 1; i < GATHERED; i++) {
        int64_t f_next = low_bits(t.u, f, t.v, g);
        g = low_bits(t.q, f, t.r, g);
        f = f_next;
        steps(&t, &s->minus_d, f, g);
        next.u = t.u * m->u + t.v * m->q;
        next.v = t.u * m->v + t.v * m->r;
        next.q = t.q * m->u + t.r * m->q;
        next.r = t.q * m->v + t.r * m->r;
        *m = next;
    }
}

// r = (u f + v g) / 2^60, which is exact. |f|, |g| <= 2^256 before and after: a row adds up to at most 2^60. So a sum below is
// at most 2^120 and a carry 2^60.
static void wide_update(struct wide *r, int64_t u, const struct wide *f, int64_t v,
                        const struct wide *g)
{
    fe_i128 sum = (fe_i128)u * f->v[0] + (fe_i128)v * g->v[0];

    for (int i = 1; i < WIDE_LIMBS; i++) {
        sum = (sum >> WIDE_BITS) + (fe_i128)u * f->v[i] + (fe_i128)v * g->v[i];
        r->v[i - 1] = (int64_t)sum & wide_mask;
    }
    r->v[WIDE_LIMBS - 1] = (int64_t)(sum >> WIDE_BITS);
}

// r = u d + v e. Before: d, e tight, |u| + |v| <= 2^60. After: r tight.
//
// A column is at most 2^60 (2^51 + 2^11), its carry at most 2^60 + 2^20. 19 times that is too much for a word, so the top
// carry goes into column 0 as a product.
static inline struct fe_sum products_2(int64_t a0, int64_t b0, int64_t a1, int64_t b1)
{
    return fe_sum_add(fe_product(a0, b0), fe_product(a1, b1));
}

static __attribute__((noinline)) void field_update(struct fe *r, int64_t u, const struct fe *d,
                                                   int64_t v, const struct fe *e)
{
    int64_t r0, r1, r4;

    int64_t carry = fe_sum_split(&r4, products_2(d->v[4], u, e->v[4], v), 0);
    struct fe_sum s0 = fe_sum_add(products_2(d->v[0], u, e->v[0], v), fe_product(19, carry));
    carry = fe_sum_split(&r0, s0, 0);
    carry = fe_sum_split(&r1, products_2(d->v[1], u, e->v[1], v), carry);
    carry = fe_sum_split(&r->v[2], products_2(d->v[2], u, e->v[2], v), carry);
    carry = fe_sum_split(&r->v[3], products_2(d->v[3], u, e->v[3], v), carry);
    r4 += carry;
    r0 += 19 * (r4 >> FE_LIMB_BITS); // at most 2^14 more
    r->v[0] = r0 & fe_limb_mask;
    r->v[1] = r1 + (r0 >> FE_LIMB_BITS);
    r->v[4] = r4 & fe_limb_mask;
}

static void apply(struct inversion *s, const struct matrix *m)
{
    struct wide f;
    struct fe d;

    wide_update(&f, m->u, &s->f, m->v, &s->g);
    wide_update(&s->g, m->q, &s->f, m->r, &s->g);
    s->f = f;
    field_update(&d, m->u, &s->d, m->v, &s->e);
    field_update(&s->e, m->q, &s->d, m->r, &s->e);
    s->d = d;
}

static void wide_from_element(struct wide *r, const struct fe *a)
{
    uint64_t w[FE_WORDS];
    uint64_t mask = (uint64_t)wide_mask;

    fe_to_words(w, a);
    r->v[0] = (int64_t)(w[0] & mask);
    r->v[1] = (int64_t)((w[0] >> 60 | w[1] << 4) & mask);
    r->v[2] = (int64_t)((w[1] >> 56 | w[2] << 8) & mask);
    r->v[3] = (int64_t)((w[2] >> 52 | w[3] << 12) & mask);
    r->v[4] = (int64_t)(w[3] >> 48);
}

void fe_invert(struct fe *r, const struct fe *a)
{
    // 2^-600, which is where e begins.
    static const struct fe scale = {
        {0x3e6788dd407e, 0x479f8e8992cad, 0x5ac5242a8c6, 0x6e0c2ad8d9127, 0x4469d9422c905}};
    struct inversion s = {
        .f = {{-19, 0, 0, 0, (int64_t)1 << 15}}, .d = {{0}}, .e = scale, .minus_d = -1};
    struct matrix m;

    wide_from_element(&s.g, a);
    for (int i = 0; i < ROUNDS; i++) {
        gather(&m, &s);
        apply(&s, &m);
    }
    *r = s.d;
    fe_negate_if(r,
                 ct_sign_mask_u64(
                     (uint64_t)s.f.v[WIDE_LIMBS - 1])); // f is 1 or -1, or p when a is 0, and d too
}

#endif
