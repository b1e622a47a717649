// Rounding shift and saturation (docs/numerics.md, section 1), and the digits of a long product, as functions: a macro declares one of the
// widths a module needs. A result is {clamped, value}.
`ifndef HW_ROUND_VH
`define HW_ROUND_VH

`define HW_WIDER(W, OB) (((W) > (OB)) ? (W) : (OB))

// `t` holds a shifted value with one bit of fraction: half up, then saturated. That it does not fit shows beside the sum, not after it: too
// high are values with a bit above the result's, and the greatest when it is rounded up; too low the same below.
`define HW_FITTED(NAME, OB) \
      base = t >>> 1; \
      below = base < 0; \
      high = !below && (((base >>> ((OB) - 1)) != 0) || (&base[(OB)-2:0] && t[0])); \
      low = below && (((base >>> ((OB) - 1)) != -1) || (!(|base[(OB)-2:0]) && !t[0])); \
      y = base[(OB)-1:0] + t[0]; \
      top = {1'b0, {((OB)-1){1'b1}}}; \
      NAME = {high || low, high ? top : low ? -top : y};

`define HW_FITTING(W, OB) \
    reg signed [`HW_WIDER(W, OB):0] base; \
    reg below, high, low; \
    reg [(OB)-1:0] y, top;

// Shifted by `by - 32`: to the right where that is positive, else to the left.
`define HW_ROUND(NAME, W, SB, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    input [(SB)-1:0] by; \
    reg signed [(W)+32:0] t; \
    `HW_FITTING((W) + 32, OB) \
    begin \
      t = $signed({x, 33'd0}) >>> by; \
      `HW_FITTED(NAME, OB) \
    end \
  endfunction

// `by` of HW_ROUND for a shift by `s`, SB bits, to the right: more than 32 to the left saturate anyway.
`define HW_BY(NAME, SB) \
  function [(SB):0] NAME; \
    input signed [(SB)-1:0] s; \
    NAME = (s < -32) ? 0 : s + 32; \
  endfunction

// Where the shift is never to the left: by `s`.
`define HW_ROUND_DOWN(NAME, W, SB, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    input [(SB)-1:0] s; \
    reg signed [(W):0] t; \
    `HW_FITTING(W, OB) \
    begin \
      t = $signed({x, 1'b0}) >>> s; \
      `HW_FITTED(NAME, OB) \
    end \
  endfunction

// A constant shift of a sum that is formed in the stage before the register or in the same one: HW_HALF is its first term, so nothing is
// added after it. To the right where S > 0, else to the left; more than 32 to the left saturate anyway.
`define HW_HALF(S) (((S) > 0) ? 64'sd1 <<< (((S) > 0) ? (S) - 1 : 0) : 64'sd0)
`define HW_CUT(NAME, W, S, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    reg signed [(W)+32:0] t; \
    `HW_FITTING((W) + 32, OB) \
    begin \
      t = x; \
      t = ((S) > 0) ? t >>> (((S) > 0) ? (S) : 0) : t <<< (((S) > 0) ? 0 : ((S) < -32) ? 32 : -(S)); \
      t = t <<< 1; \
      `HW_FITTED(NAME, OB) \
    end \
  endfunction

// Packs the results of all V lanes of a beat, each {clamped, value}, into the outputs `out_data` and `ovf`. `l` counts the lanes in RESULT.
`define HW_GIVING(V, OB) \
  reg [(OB):0] given; \
  reg [(V)*(OB)-1:0] beat_given; \
  reg clamped;
`define HW_GIVE(V, OB, RESULT) \
  begin \
    clamped = 0; \
    for (l = 0; l < (V); l = l + 1) begin \
      given = RESULT; \
      clamped = clamped | given[OB]; \
      beat_given[l*(OB) +: (OB)] = given[(OB)-1:0]; \
    end \
    out_data <= beat_given; \
    ovf <= clamped; \
  end

// Long products are sums of short ones: digit `j` of a number of B bits, nine bits each, the last one with the sign.
`define HW_DIGITS(B) (((B) > 1) ? ((B) + 7) / 9 : 1)
`define HW_DIGIT(NAME, B) \
  function signed [9:0] NAME; \
    input signed [(B)-1:0] x; \
    input integer j; \
    begin \
      NAME = x >>> (9 * j); \
      if (j < `HW_DIGITS(B) - 1) NAME[9] = 0; \
    end \
  endfunction

// Number of bits of an unsigned value; 0 for 0. The place of the highest one of {x, 1}: of every pair of blocks the upper, if it holds one.
`define HW_BITLEN(NAME, W, OB) \
  function [(OB)-1:0] NAME; \
    input [(W)-1:0] x; \
    integer k, i; \
    reg [127:0] any; \
    reg [128*7-1:0] at; \
    begin \
      any = {x, 1'b1}; \
      at = 0; \
      for (k = 0; k < $clog2((W) + 1); k = k + 1) \
        for (i = 0; i < (128 >> (k + 1)); i = i + 1) begin \
          at[i*7 +: 7] = any[2*i+1] ? (at[(2*i+1)*7 +: 7] | (1 << k)) : at[2*i*7 +: 7]; \
          any[i] = any[2*i+1] | any[2*i]; \
        end \
      NAME = at[6:0]; \
    end \
  endfunction
`endif
