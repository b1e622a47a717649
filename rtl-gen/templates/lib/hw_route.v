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
  output out_valid,              // a beat of weights is on out_data
  output out_last,               // it is the last of the vector
  output [V*18-1:0] out_data,     // V weights of 18 bits, 16 of them fraction; 0 for an expert not chosen
  output [E-1:0] chosen,         // bit e: expert e is chosen
  output [K*IW-1:0] sel,         // numbers of the chosen experts, the best lowest
  output [K*18-1:0] weight,      // their weights, 18 bits, 16 of them fraction
  output ovf                     // a score was too large for 32 bits and was clamped
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
  localparam CB = IW + IB + 1;   // bits of a candidate: its number, its logit above, and on top whether it can still be chosen
  `HW_BITLEN(bitlen, PB, ZB)
  `HW_PRODUCTS(by_mantissa, IB, 17)
  `HW_PRODUCT_SUM(scaled, IB, 17, IB + 18, `HW_HALF(SHIFT))
  `HW_PRODUCTS(by_reciprocal, 22, 18)
  `HW_PRODUCT_SUM(share_of, 22, 18, 40, 0)
  `HW_CUT(to_score, IB + 18, SHIFT, 32)
  `HW_ROUND_DOWN(to_weight, 40, ZB + 1, 18)

  // The candidate that can be chosen and has the greater logit; of equals the first.
  function [CB-1:0] better;
    input [CB-1:0] a, b;
    better = (b[CB-1] && (!a[CB-1] || $signed(b[IW +: IB]) > $signed(a[IW +: IB]))) ? b : a;
  endfunction
  // The experts, those that are not `free` passed over.
  function [E*CB-1:0] experts;
    input [E*IB-1:0] logits;
    input [E-1:0] free;
    reg [IW-1:0] number;
    integer e;
    for (e = 0; e < E; e = e + 1) begin
      number = e;
      experts[e*CB +: CB] = {free[e], logits[e*IB +: IB], number};
    end
  endfunction
  function [32:0] below;
    input signed [31:0] most, score;
    below = most - score;
  endfunction
  // Whole part of what a score lies below the greatest: places to the right, 22 at most.
  function [4:0] places;
    input [32:0] difference;
    places = (difference[32:16] > 22) ? 5'd22 : difference[20:16];
  endfunction
  // Shifted to the right, rounded half up.
  function [20:0] shifted;
    input [EXP2_VALUE-1:0] x;
    input [4:0] by;
    shifted = (x >> by) + (by != 0 && x[by-5'd1]);
  endfunction
  function [14:0] place_of;
    input [PB-1:0] sum;
    input [ZB-1:0] by;
    place_of = sum >> by;
  endfunction
  function [17:0] weight_of;
    input signed [39:0] share;
    input [ZB:0] by;
    reg clamped;
    {clamped, weight_of} = to_weight(share, by);
  endfunction
  // The weights of a beat; of lanes past the end none.
  function [V*18-1:0] given;
    input [E*18-1:0] all;
    input [BW-1:0] at;
    integer l;
    for (l = 0; l < V; l = l + 1) given[l*18 +: 18] = (at * V + l < E) ? all[(at*V+l)*18 +: 18] : 18'd0;
  endfunction

  // Rounds: the greatest logit not chosen yet, the lowest index first.
  reg [BW-1:0] count_q;
  reg full_q, go_q;              // a round begins: all logits are in; the one before is done
  reg [E*IB-1:0] logit_q;
  reg [E-1:0] free_q;            // not chosen yet
  reg [KW-1:0] round_q;
  reg [LEVELS:1] round_valid_q;
  wire [LEVELS:0] round_valid = {round_valid_q, full_q || go_q};
  wire [CB-1:0] winner;
  wire [IW-1:0] winner_number = winner[IW-1:0];
  genvar n;
  generate
    for (n = 0; n < LEVELS; n = n + 1) begin : stage
      localparam FROM = (E + 4**n - 1) / 4**n;
      localparam TO = (E + 4**(n+1) - 1) / 4**(n+1);
      reg [TO*CB-1:0] left_q;    // candidates that are left
      // The better of two pairs of every four; where there is no fourth, the first again.
      function [TO*CB-1:0] left;
        input [FROM*CB-1:0] of;
        reg [4*CB-1:0] four;
        integer i, j;
        for (i = 0; i < TO; i = i + 1) begin
          for (j = 0; j < 4; j = j + 1) four[j*CB +: CB] = of[((4*i+j < FROM) ? 4*i+j : 4*i)*CB +: CB];
          left[i*CB +: CB] = better(better(four[0 +: CB], four[CB +: CB]), better(four[2*CB +: CB], four[3*CB +: CB]));
        end
      endfunction
      if (n == 0) begin : first_stage
        always @(posedge clk) if (round_valid[n]) left_q <= left(experts(logit_q, free_q));
      end else begin : later_stage
        always @(posedge clk) if (round_valid[n]) left_q <= left(stage[n-1].left_q);
      end
    end
  endgenerate
  assign winner = stage[LEVELS-1].left_q;

  // Shares: those of the chosen, then, where all count, those of all.
  reg run_q;
  reg [NW-1:0] item_q;           // that begins
  reg [8:0] share_q;             // items in the stages: number; logit; products with each digit; score; place; word; product; value; share
  reg [9*NW-1:0] share_item_q;   // which ones, stage 0 lowest
  wire [NW-1:0] item3 = share_item_q[3*NW +: NW];
  wire [NW-1:0] item8 = share_item_q[8*NW +: NW];
  reg [IW-1:0] expert_q;
  reg [IB-1:0] one_q;
  reg [`HW_PARTS(IB, 17)-1:0] digits_q;
  reg [31:0] score_q, greatest_q;
  reg [15:0] exp2_place_q;
  reg [4*5-1:0] places_q;        // of stages 4 to 7
  wire [EXP2_VALUE-1:0] exp2_value;
  reg [20:0] power_q;
  reg [K*21-1:0] powers_q;       // of the chosen
  reg [PB-1:0] total_q;          // of the powers that count
  hw_interpolate #(
    .ENTRIES(128), .INDEX_BITS(7), .FRACTION_BITS(9), .VALUE_BITS(EXP2_VALUE), .SLOPE_BITS(EXP2_SLOPE), .FILE(EXP2)
  ) exp2 (.clk(clk), .in_valid(share_q[4]), .argument(exp2_place_q), .value(exp2_value));

  // Reciprocal and weights.
  reg [4:0] recip_q;             // the total in the stages: complete; its bits; place; word; product
  reg [PB-1:0] sum_q;
  reg [ZB-1:0] excess_q;         // bits of the total, less 16
  reg [14:0] recip_place_q;
  wire [RECIP_VALUE-1:0] recip_value;
  reg [2:0] weigh_q;             // chosen experts in the stages: begins; products with each digit; share
  reg [3*KW-1:0] weigh_at_q;     // which ones, stage 0 lowest
  wire [KW-1:0] begun = weigh_at_q[KW-1:0];
  wire [KW-1:0] weighed = weigh_at_q[2*KW +: KW];
  reg [`HW_PARTS(22, 18)-1:0] share_digits_q;
  reg signed [39:0] product_q;
  wire [17:0] weight_d = weight_of(product_q, excess_q + 15);
  reg [E*18-1:0] all_q;          // weights of all experts
  reg start_giving_q, giving_q;
  reg [BW-1:0] beat_q;
  reg out_valid_q, out_last_q, ovf_q;
  reg [V*18-1:0] out_data_q;
  reg [E-1:0] chosen_q;
  reg [K*IW-1:0] sel_q;
  reg [K*18-1:0] weight_q;
  assign out_valid = out_valid_q;
  assign out_last = out_last_q;
  assign out_data = out_data_q;
  assign chosen = chosen_q;
  assign sel = sel_q;
  assign weight = weight_q;
  assign ovf = ovf_q;
  hw_interpolate #(
    .INDEX_BITS(8), .FRACTION_BITS(7), .VALUE_BITS(RECIP_VALUE), .SLOPE_BITS(RECIP_SLOPE), .FILE(RECIP)
  ) reciprocal (.clk(clk), .in_valid(recip_q[2]), .argument(recip_place_q), .value(recip_value));

  integer e, k;
  always @(posedge clk) begin
    // Give.
    out_valid_q <= start_giving_q || giving_q;
    out_last_q <= (start_giving_q || giving_q) && beat_q == BEATS - 1;
    if (start_giving_q || giving_q) begin
      out_data_q <= given(all_q, beat_q);
      beat_q <= (beat_q == BEATS - 1) ? 0 : beat_q + 1;
      giving_q <= beat_q != BEATS - 1;
    end
    // Weights, one a cycle, last stage first.
    start_giving_q <= weigh_q[2] && weighed == K - 1;
    if (weigh_q[2]) begin
      for (k = 0; k < K; k = k + 1) if (weighed == k) weight_q[k*18 +: 18] <= weight_d;
      for (e = 0; e < E; e = e + 1) if (sel_q[weighed*IW +: IW] == e) all_q[e*18 +: 18] <= weight_d;
    end
    if (weigh_q[1]) product_q <= share_of(share_digits_q);
    if (weigh_q[0]) share_digits_q <= by_reciprocal($signed({1'b0, powers_q[begun*21 +: 21]}), $signed(recip_value));
    weigh_q <= {weigh_q[1:0], recip_q[4] || (weigh_q[0] && begun != K - 1)};
    weigh_at_q <= {weigh_at_q[2*KW-1:0], recip_q[4] ? {KW{1'b0}} : begun + weigh_q[0]};
    // The reciprocal, last stage first.
    if (recip_q[1]) recip_place_q <= place_of(sum_q, excess_q);
    if (recip_q[0]) begin
      sum_q <= total_q;
      excess_q <= bitlen(total_q >> 16);
    end
    recip_q <= {recip_q[3:0], share_q[8] && item8 == N - 1};
    // Shares, one a cycle, last stage first.
    if (share_q[8]) begin
      for (k = 0; k < K; k = k + 1) if (item8 == k) powers_q[k*21 +: 21] <= power_q;
      if (OF_ALL == 0 || item8 >= K) total_q <= total_q + power_q;
    end
    if (share_q[7]) power_q <= shifted(exp2_value, places_q[3*5 +: 5]);
    if (share_q[3]) begin
      if (item3 == 0) greatest_q <= score_q;
      exp2_place_q <= below((item3 == 0) ? score_q : greatest_q, score_q);
    end
    places_q <= {places_q[3*5-1:0], places(below((item3 == 0) ? score_q : greatest_q, score_q))};
    ovf_q <= 0;
    if (share_q[2]) {ovf_q, score_q} <= to_score(scaled(digits_q));
    if (share_q[1]) digits_q <= by_mantissa($signed(one_q), $signed({1'b0, MANTISSA}));
    if (share_q[0]) one_q <= logit_q[expert_q*IB +: IB];
    share_item_q <= {share_item_q[8*NW-1:0], item_q};
    share_q <= {share_q[7:0], run_q};
    if (run_q) begin
      expert_q <= (item_q < K) ? sel_q[item_q*IW +: IW] : item_q - K;
      item_q <= item_q + 1;
      run_q <= item_q != N - 1;
    end
    // Rounds.
    go_q <= round_valid[LEVELS] && round_q != K - 1;
    if (round_valid[LEVELS]) begin
      for (k = 0; k < K; k = k + 1) if (round_q == k) sel_q[k*IW +: IW] <= winner_number;
      for (e = 0; e < E; e = e + 1) if (winner_number == e) begin
        chosen_q[e] <= 1;
        free_q[e] <= 0;
      end
      round_q <= round_q + 1;
      if (round_q == K - 1) begin
        run_q <= 1;
        item_q <= 0;
        total_q <= 0;
      end
    end
    round_valid_q <= round_valid[LEVELS-1:0];
    full_q <= in_valid && count_q == BEATS - 1;
    if (in_valid) begin
      for (e = 0; e < E; e = e + 1) if (count_q == e / V) begin
        logit_q[e*IB +: IB] <= in_data[(e%V)*IB +: IB];
        free_q[e] <= 1;
        all_q[e*18 +: 18] <= 0;
      end
      chosen_q <= 0;
      round_q <= 0;
      count_q <= (count_q == BEATS - 1) ? 0 : count_q + 1;
    end
    if (rst) begin
      count_q <= 0; full_q <= 0; go_q <= 0; round_valid_q <= 0; run_q <= 0; share_q <= 0; recip_q <= 0; weigh_q <= 0;
      start_giving_q <= 0; giving_q <= 0; beat_q <= 0; chosen_q <= 0; out_valid_q <= 0; out_last_q <= 0; ovf_q <= 0;
    end
  end
endmodule
