// Route (numerics, section 10): chooses K of E experts, one a round, and gives them shares of the softmax. Cycles:
// docs/microarchitecture.md, section 2. `chosen`, `sel` and `weight` stand until the next token's logits come.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_route #(
  parameter V = 8,               // lanes: elements a beat
  parameter E = 4,               // experts
  parameter K = 2,               // experts chosen for a token
  parameter OF_ALL = 0,          // 1: shares are of the sum over all experts; 0: over the chosen ones
  parameter IB = 32,             // bits of a logit
  parameter IW = 2,              // bits of an expert's number
  parameter LEVELS = 1,          // stages of a round, four to one each: ceil(log4 E), at least 1
  parameter [15:0] MANTISSA = 1, // factor of every logit, unsigned ...
  parameter signed [15:0] SHIFT = 0, // ... and the shift to the right of its product
  parameter EXP2_VALUE = 22,     // bits of a value in the table of 2^-x, signed
  parameter EXP2_SLOPE = 14,     // bits of its slope, signed
  parameter RECIP_VALUE = 18,    // bits of a value in the table of 1/x, signed
  parameter RECIP_SLOPE = 10,    // bits of its slope, signed
  parameter EXP2 = "",           // image of the table of 2^-x, 128 words: value, slope above
  parameter RECIP = ""           // image of the table of 1/x, 256 words: value, slope above
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V logits of IB bits, signed, lane 0 lowest
  output reg out_valid,          // a beat of weights is on out_data
  output reg out_last,           // it is the last of the vector
  output reg [V*18-1:0] out_data, // V weights of 18 bits, 16 of them fraction; 0 for an expert not chosen
  output reg [E-1:0] chosen,     // bit e: expert e is chosen
  output reg [K*IW-1:0] sel,     // numbers of the chosen experts, the best lowest
  output reg [K*18-1:0] weight,  // their weights, 18 bits, 16 of them fraction
  output reg ovf                 // a score was too large for 32 bits and was clamped
);
  `HW_REQUIRE(K <= E, hw_route_chooses_no_more_than_E)
  `HW_REQUIRE((1 << IW) >= E, hw_route_IW_is_too_small_for_E)
  localparam BEATS = (E + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam N = OF_ALL ? K + E : K; // shares to compute
  localparam NW = $clog2(N + 1);
  localparam KW = $clog2(K + 1);
  localparam PB = 21 + $clog2(E + 1);
  localparam ZB = $clog2(PB + 2);
  localparam ET = EXP2_VALUE + EXP2_SLOPE;
  localparam RT = RECIP_VALUE + RECIP_SLOPE;
  localparam MD = `HW_DIGITS(17);
  localparam RD = `HW_DIGITS(18);
  `HW_BITLEN(bitlen, PB, ZB)
  `HW_DIGIT(digit_mantissa, 17)
  `HW_DIGIT(digit_reciprocal, 18)
  `HW_CUT(to_score, IB + 18, SHIFT, 32)
  `HW_ROUND_DOWN(to_weight, 40, ZB + 1, 18)

  // Rounds: the greatest logit not chosen yet, the lowest index first.
  reg [BW-1:0] count;
  reg full, go;
  reg [LEVELS:1] rv;
  reg [KW-1:0] round;
  reg signed [IB-1:0] top [0:(LEVELS+1)*E-1], best [0:3]; // stage 0: the logits
  reg [IW-1:0] index [0:(LEVELS+1)*E-1], best_index [0:3];
  reg free [0:(LEVELS+1)*E-1], found [0:3];
  wire now = full || go;
  wire [LEVELS:0] stage = {rv, now};
  // Shares.
  reg run;
  reg [NW-1:0] item;
  reg [8:0] v;
  reg [NW-1:0] at [0:8];
  reg [IW-1:0] e0;
  reg signed [IB-1:0] x1;
  reg signed [IB+9:0] xd [0:MD-1]; // products with each digit
  reg signed [IB+17:0] product;
  reg signed [31:0] s3, greatest;
  reg [32:0] rw, below;
  reg [6:0] e_index;
  reg [8:0] f4, f5;
  reg [4:0] i4, i5, i6, i7;
  wire [ET-1:0] e_word;
  reg signed [EXP2_SLOPE+9:0] e_product;
  reg signed [EXP2_VALUE-1:0] e_value, x7;
  reg [20:0] p8;
  reg [20:0] power [0:K-1];
  reg [PB-1:0] total, sum_q, shifted;
  // Reciprocal and weights.
  reg r0, r1, r2, r3, r4, weigh, w1, w2;
  reg [ZB-1:0] z;                // bits of the sum of weights, less 16
  reg [7:0] r_index;
  reg [6:0] f2, f3;
  wire [RT-1:0] r_word;
  reg signed [RECIP_SLOPE+7:0] r_product;
  reg signed [RECIP_VALUE-1:0] r_value;
  reg signed [17:0] reciprocal;
  reg [KW-1:0] k0, k1, k2;
  reg signed [31:0] share_d [0:RD-1];
  reg signed [39:0] share;
  reg [18:0] rs;
  reg signed [17:0] all [0:E-1];
  reg [V*18-1:0] y;
  reg giving, start_giving;
  reg [BW-1:0] beat;
  integer n, i, j, l, a, b;
  hw_rom #(.WIDTH(ET), .DEPTH(128), .AW(7), .FILE(EXP2)) exp2 (.clk(clk), .en(v[4]), .addr(e_index), .data(e_word));
  hw_rom #(.WIDTH(RT), .DEPTH(256), .AW(8), .FILE(RECIP)) recip (.clk(clk), .en(r2), .addr(r_index), .data(r_word));

  always @(posedge clk) begin
    ovf <= 0;
    // Give.
    out_valid <= start_giving || giving;
    out_last <= (start_giving || giving) && beat == BEATS - 1;
    if (start_giving || giving) begin
      for (l = 0; l < V; l = l + 1) y[l*18 +: 18] = (beat * V + l < E) ? all[beat*V+l] : 0;
      out_data <= y;
      beat <= (beat == BEATS - 1) ? 0 : beat + 1;
      giving <= beat != BEATS - 1;
    end
    // Weights, one a cycle.
    start_giving <= w2 && k2 == K - 1;
    if (w2) begin
      rs = to_weight(share, z + 15);
      weight[k2*18 +: 18] <= rs[17:0];
      all[sel[k2*IW +: IW]] = rs[17:0];
    end
    if (w1) begin
      share = 0;
      for (j = 0; j < RD; j = j + 1) share = share + (share_d[j] <<< (9*j));
    end
    w2 <= w1;
    w1 <= weigh;
    k2 <= k1;
    k1 <= k0;
    if (weigh) begin
      for (j = 0; j < RD; j = j + 1) share_d[j] = $signed({1'b0, power[k0]}) * digit_reciprocal(reciprocal, j);
      k0 <= k0 + 1;
      weigh <= k0 != K - 1;
    end
    if (r4) begin
      reciprocal <= r_value + (r_product >>> 7) + (r_product[6] ? 1 : 0);
      weigh <= 1;
      k0 <= 0;
    end
    r4 <= r3;
    if (r3) begin
      r_product <= $signed(r_word[RECIP_VALUE +: RECIP_SLOPE]) * $signed({1'b0, f3});
      r_value <= r_word[0 +: RECIP_VALUE];
    end
    r3 <= r2;
    f3 <= f2;
    r2 <= r1;
    if (r1) begin
      shifted = sum_q >> z;
      r_index <= shifted[14:7];
      f2 <= shifted[6:0];
    end
    r1 <= r0;
    if (r0) begin
      sum_q <= total;
      z <= bitlen(total >> 16);
    end
    r0 <= v[8] && at[8] == N - 1;
    // Shares, one a cycle: score, exponential, sum.
    if (v[8]) begin
      if (at[8] < K) power[at[8]] = p8;
      if (OF_ALL == 0 || at[8] >= K) total <= total + p8;
    end
    if (v[7]) p8 <= (x7 >> i7) + (i7 != 0 && x7[i7-5'd1]);
    if (v[6]) x7 <= e_value + (e_product >>> 9) + (e_product[8] ? 1 : 0);
    if (v[5]) begin
      e_product <= $signed(e_word[EXP2_VALUE +: EXP2_SLOPE]) * $signed({1'b0, f5});
      e_value <= e_word[0 +: EXP2_VALUE];
    end
    f5 <= f4;
    i7 <= i6;
    i6 <= i5;
    i5 <= i4;
    if (v[3]) begin
      if (at[3] == 0) greatest = s3;
      below = greatest - s3;
      e_index <= below[15:9];
      f4 <= below[8:0];
      i4 <= (below[32:16] > 22) ? 5'd22 : below[20:16];
    end
    if (v[2]) begin
      product = `HW_HALF(SHIFT);
      for (j = 0; j < MD; j = j + 1) product = product + (xd[j] <<< (9*j));
      rw = to_score(product);
      s3 <= rw[31:0];
      ovf <= rw[32];
    end
    if (v[1]) for (j = 0; j < MD; j = j + 1) xd[j] = x1 * digit_mantissa($signed({1'b0, MANTISSA}), j);
    if (v[0]) x1 <= top[e0];
    for (n = 8; n >= 1; n = n - 1) at[n] = at[n-1];
    at[0] = item;
    v <= {v[7:0], run};
    if (run) begin
      e0 <= (item < K) ? sel[item*IW +: IW] : item - K;
      item <= item + 1;
      run <= item != N - 1;
    end
    // Rounds.
    go <= 0;
    if (rv[LEVELS]) begin
      sel[round*IW +: IW] <= index[LEVELS*E];
      chosen[index[LEVELS*E]] <= 1;
      free[index[LEVELS*E]] = 0;
      round <= round + 1;
      go <= round != K - 1;
      if (round == K - 1) begin
        run <= 1;
        item <= 0;
        total <= 0;
      end
    end
    for (n = LEVELS; n >= 1; n = n - 1)
      if (stage[n-1])
        for (i = 0; i < ((E + (1 << (2*n)) - 1) >> (2*n)); i = i + 1) begin
          for (j = 0; j < 4; j = j + 1) begin
            found[j] = 0;
            best[j] = 0;
            best_index[j] = 0;
            if (4*i + j < ((E + (1 << (2*n-2)) - 1) >> (2*n-2))) begin
              found[j] = free[(n-1)*E+4*i+j];
              best[j] = top[(n-1)*E+4*i+j];
              best_index[j] = (n == 1) ? 4*i + j : index[(n-1)*E+4*i+j];
            end
          end
          // The better of two pairs: 3 into 2, 1 into 0, 2 into 0.
          for (j = 2; j >= 0; j = j - 1) begin
            a = (j == 2) ? 2 : 0;
            b = (j == 2) ? 3 : (j == 1) ? 1 : 2;
            if (found[b] && (!found[a] || best[b] > best[a])) begin
              found[a] = 1;
              best[a] = best[b];
              best_index[a] = best_index[b];
            end
          end
          free[n*E+i] = found[0];
          top[n*E+i] = best[0];
          index[n*E+i] = best_index[0];
        end
    rv <= stage[LEVELS-1:0];
    full <= 0;
    if (in_valid) begin
      for (l = 0; l < V; l = l + 1)
        if (count * V + l < E) begin
          top[count*V+l] = in_data[l*IB +: IB];
          free[count*V+l] = 1;
          all[count*V+l] = 0;
        end
      chosen <= 0;
      round <= 0;
      count <= (count == BEATS - 1) ? 0 : count + 1;
      full <= count == BEATS - 1;
    end
    if (rst) begin
      count <= 0; full <= 0; go <= 0; rv <= 0; run <= 0; v <= 0; r0 <= 0; r1 <= 0; r2 <= 0; r3 <= 0; r4 <= 0;
      weigh <= 0; w1 <= 0; w2 <= 0; start_giving <= 0; giving <= 0; beat <= 0; chosen <= 0; out_valid <= 0; out_last <= 0; ovf <= 0;
    end
  end
endmodule
