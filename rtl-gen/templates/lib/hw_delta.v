// Gated delta rule (numerics, section 11) of all value heads at once: the state is read once, a row of all heads a cycle, and gives a beat a
// cycle its answer and what is new; then it is read again and written, a row a cycle, while the answer is on its way. First beat out DK + 13
// cycles after the last input beat.
`include "hw_round.vh"
`include "hw_check.vh"
module hw_delta #(
  parameter V = 8,               // lanes: elements a beat
  parameter KEY_HEADS = 2,       // heads of queries and keys
  parameter VALUE_HEADS = 4,     // heads of values; VALUE_HEADS / KEY_HEADS read one key head
  parameter DK = 8,              // elements of a query or a key
  parameter DV = 8,              // elements of a value
  parameter USERS = 1,           // users whose states are kept
  parameter UW = 1,              // bits of a user number
  parameter POSW = 9,            // bits of a position
  parameter QB = 16,             // bits of a query element
  parameter KB = 16,             // bits of a key element
  parameter VB = 24,             // bits of a value element
  parameter W = 24,              // bits of an element of the state
  parameter OB = 32,             // bits of an output element
  parameter KEY_FRAC = 14,       // fractional bits of a key element, 1 to 20
  parameter signed [15:0] VALUE_SHIFT = 0, // shift to the right from a value's fraction to that of the state
  parameter PART_SHIFT = 8,      // shift to the right from the fraction of query and state to that of the answer's parts
  parameter GUARD = 6            // shift to the right from there to the output's fraction
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input [POSW-1:0] pos,          // position of the token, from 0; stands until all its inputs are in
  input [UW-1:0] user,           // number of its user; likewise
  input q_valid,                 // a beat of the queries is on q_data
  input [V*QB-1:0] q_data,       // V elements of QB bits, signed, lane 0 lowest
  input k_valid,                 // a beat of the keys is on k_data
  input [V*KB-1:0] k_data,       // V elements of KB bits, signed, lane 0 lowest
  input v_valid,                 // a beat of the values is on v_data
  input [V*VB-1:0] v_data,       // V elements of VB bits, signed, lane 0 lowest
  input decay_valid,             // a beat of the decays is on decay_data
  input [V*22-1:0] decay_data,   // V shares of 22 bits, 20 of them fraction, lane 0 lowest
  input step_valid,              // a beat of the steps is on step_data
  input [V*18-1:0] step_data,    // V shares of 18 bits, 16 of them fraction, lane 0 lowest
  output out_valid,              // a beat is on out_data
  output [V*OB-1:0] out_data,    // V elements of OB bits, signed, lane 0 lowest
  output ovf                     // something was too large for its bits and was clamped
);
  `HW_REQUIRE(VALUE_HEADS % KEY_HEADS == 0, hw_delta_needs_as_many_value_heads_on_each_key_head)
  `HW_REQUIRE((1 << UW) >= USERS, hw_delta_UW_is_too_small_for_USERS)
  localparam COLS = VALUE_HEADS * DV;
  localparam KBEATS = (KEY_HEADS * DK + V - 1) / V;
  localparam VBEATS = (COLS + V - 1) / V;
  localparam HBEATS = (VALUE_HEADS + V - 1) / V;
  localparam KW = $clog2(KBEATS + 1);
  localparam VW = $clog2(VBEATS + 1);
  localparam HW = $clog2(HBEATS + 1);
  localparam RW = $clog2(DK + 1);
  localparam DEPTH = DK * USERS;
  localparam AW = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam FB = (QB > KB) ? QB : KB;
  localparam TB = FB + W + $clog2(DK) + 1; // of a sum over a column
  localparam MB = QB + KB + $clog2(DK) + 1; // of a query's product with its key
  localparam BB = (QB > 22) ? QB : 22;     // of what multiplies the state the second time: a query, or the decay
  localparam AD = `HW_DIGITS(KB);
  localparam BD = `HW_DIGITS(BB);
  localparam NB = W + 24;                  // of the state, times the decay, joined by what is new
  localparam XB = W + QB + 3;              // of what is new, times a query's product with its key
  localparam SD = `HW_DIGITS(18);
  localparam HD = `HW_DIGITS(22);
  localparam MD = `HW_DIGITS(QB + 2);
  `HW_CUT(next_state, NB, 20, W)
  `HW_CUT(predict, TB, KEY_FRAC, W)
  `HW_CUT(part, TB, PART_SHIFT, 32)
  `HW_CUT(shared, MB, KEY_FRAC, QB + 2)
  `HW_CUT(align, VB + 2, VALUE_SHIFT, W + 2)
  `HW_CUT(fit, W + 4, 0, W)
  `HW_CUT(new_state, W + 20, 16, W)
  `HW_CUT(give, XB + 36, GUARD, OB)
  `HW_DIGIT(digit_key, KB)
  `HW_DIGIT(digit_factor, BB)
  `HW_DIGIT(digit_decay, 22)
  `HW_DIGIT(digit_step, 18)
  `HW_DIGIT(digit_shared, QB + 2)

  // Inputs: queries, keys, decays and steps in registers, values in memory.
  reg [KW-1:0] q_put_q, k_put_q;
  reg [VW-1:0] v_put_q;
  reg [HW-1:0] decay_put_q, step_put_q;
  reg q_full_q, k_full_q, v_full_q, decay_full_q, step_full_q;
  reg [KBEATS*V*QB-1:0] q_q;
  reg [KBEATS*V*KB-1:0] k_q;
  reg [HBEATS*V*22-1:0] decay_q;
  reg [HBEATS*V*18-1:0] step_q;
  wire go = q_full_q && k_full_q && v_full_q && decay_full_q && step_full_q;

  // Passes: a row is read, its products formed, summed, and joined to the sums of pass 1 or written in pass 2.
  reg run_q, second_q, zero_q;
  reg [RW-1:0] row_q;
  reg [AW-1:0] base_q;
  reg [4:2] r_q, s_q;            // stage 2: the row is read; 3: products stand; 4: sums stand. s: it is pass 2
  reg [5:5] write_q;
  reg [AW-1:0] address2_q, address3_q, address4_q, address5_q;
  reg last2_q, last3_q, last4_q;
  wire [AW-1:0] address1 = base_q + row_q;
  wire last = row_q == DK - 1;
  wire summed = r_q[4] && !s_q[4];
  wire ends = summed && last4_q;
  wire [COLS*W-1:0] read, written;
  reg [COLS*W-1:0] written_q;
  wire [COLS-1:0] next_clamped;
  hw_sram #(.WIDTH(COLS*W), .DEPTH(DEPTH), .AW(AW)) state (
    .clk(clk), .we(write_q[5]), .waddr(address5_q), .wdata(written_q), .re(run_q), .raddr(address1), .rdata(read));

  // Between them: columns of a beat, stage by stage.
  reg [8:0] m_q;
  reg [VW-1:0] beat_q, beat1_q, beat2_q, beat3_q, beat4_q, beat5_q;
  wire [V*VB-1:0] value;
  wire mid_last = beat_q == VBEATS - 1;
  wire [VW-1:0] beat_d = mid_last ? 0 : beat_q + 1;
  hw_sram #(.WIDTH(V*VB), .DEPTH(VBEATS), .AW(VW)) values (
    .clk(clk), .we(v_valid), .waddr(v_put_q), .wdata(v_data), .re(ends || m_q[0]), .raddr(m_q[0] ? beat_d : {VW{1'b0}}), .rdata(value));
  wire [VBEATS*V*TB-1:0] held, asked;
  reg [VBEATS*V*W-1:0] new_q;    // moves on by a beat as each comes
  wire [V*W-1:0] new_beat;
  wire [VBEATS*V*W+V*W-1:0] new_wide = {new_beat, new_q};
  wire [KEY_HEADS*(QB+2)-1:0] shared_all;
  wire [KEY_HEADS-1:0] shared_clamped;
  wire [V-1:0] first_clamped, error_clamped, new_clamped, out_clamped;
  wire [V*OB-1:0] out_data_d;
  reg [V*OB-1:0] out_data_q;
  reg out_valid_q, ovf_q;
  assign out_valid = out_valid_q;
  assign out_data = out_data_q;
  assign ovf = ovf_q;

  genvar h, i, l, j;
  generate
    // A query's product with its key, and an element of each a cycle.
    for (h = 0; h < KEY_HEADS; h = h + 1) begin : key
      reg signed [QB-1:0] q2_q;
      reg signed [KB-1:0] k2_q;
      reg signed [QB+KB-1:0] product_q;
      reg signed [MB-1:0] sum_q;
      wire signed [MB-1:0] rounded = sum_q + `HW_HALF(KEY_FRAC);
      wire [QB+2:0] y = shared(rounded);
      reg [QB+1:0] shared_q;
      assign shared_all[h*(QB+2) +: QB+2] = shared_q;
      assign shared_clamped[h] = y[QB+2];
      always @(posedge clk) begin
        q2_q <= q_q[(h*DK+row_q)*QB +: QB];
        k2_q <= k_q[(h*DK+row_q)*KB +: KB];
        product_q <= q2_q * k2_q;
        shared_q <= y[QB+1:0];
        if (go) sum_q <= 0;
        else if (r_q[3] && !s_q[3]) sum_q <= sum_q + product_q;
      end
    end

    if (VBEATS * V > COLS) begin : padding
      assign held[VBEATS*V*TB-1:COLS*TB] = 0;
      assign asked[VBEATS*V*TB-1:COLS*TB] = 0;
    end
    for (h = 0; h < VALUE_HEADS; h = h + 1) begin : head
      localparam G = h / (VALUE_HEADS / KEY_HEADS);
      wire signed [BB-1:0] q_wide = key[G].q2_q;
      wire signed [BB-1:0] decay_wide = $signed(decay_q[h*22 +: 22]);
      wire signed [BB-1:0] factor = s_q[2] ? decay_wide : q_wide;
      for (i = 0; i < DV; i = i + 1) begin : column
        localparam C = h * DV + i;
        wire signed [W-1:0] x = zero_q ? {W{1'b0}} : read[C*W +: W];
        wire signed [W-1:0] u = new_q[C*W +: W];
        wire signed [W-1:0] a = s_q[2] ? u : x;
        wire signed [TB-1:0] a_sums [0:AD], b_sums [0:BD];
        assign a_sums[0] = 0;
        assign b_sums[0] = 0;
        for (j = 0; j < AD; j = j + 1) begin : first
          reg signed [W+9:0] part_q;
          wire signed [TB-1:0] wide = part_q;
          assign a_sums[j+1] = a_sums[j] + (wide <<< (9*j));
          always @(posedge clk) if (r_q[2]) part_q <= a * digit_key(key[G].k2_q, j);
        end
        for (j = 0; j < BD; j = j + 1) begin : second
          reg signed [W+9:0] part_q;
          wire signed [TB-1:0] wide = part_q;
          assign b_sums[j+1] = b_sums[j] + (wide <<< (9*j));
          always @(posedge clk) if (r_q[2]) part_q <= x * digit_factor(factor, j);
        end
        reg signed [TB-1:0] a_q, b_q, held_q, asked_q;
        // The state after the token.
        wire signed [NB-1:0] a_wide = a_q, b_wide = b_q;
        wire [W:0] y = next_state(b_wide + (a_wide <<< (20 - KEY_FRAC)) + `HW_HALF(20));
        assign written[C*W +: W] = y[W-1:0];
        assign next_clamped[C] = y[W];
        assign held[C*TB +: TB] = held_q;
        assign asked[C*TB +: TB] = asked_q;
        // The sums are those of the column, then move on by a beat.
        wire signed [TB-1:0] held_next, asked_next;
        if (C + V < COLS) begin : moves
          assign held_next = held[(C+V)*TB +: TB];
          assign asked_next = asked[(C+V)*TB +: TB];
        end else begin : ending
          assign held_next = 0;
          assign asked_next = 0;
        end
        always @(posedge clk) begin
          if (r_q[3]) begin
            a_q <= a_sums[AD];
            b_q <= b_sums[BD];
          end
          if (go) begin
            held_q <= 0;
            asked_q <= 0;
          end else if (summed) begin
            held_q <= held_q + a_q;
            asked_q <= asked_q + b_q;
          end else if (m_q[0]) begin
            held_q <= held_next;
            asked_q <= asked_next;
          end
        end
      end
    end

    for (l = 0; l < V; l = l + 1) begin : lane
      wire [31:0] at0 = (beat_q * V + l) / DV, at5 = (beat5_q * V + l) / DV;
      wire [31:0] head0 = (at0 < VALUE_HEADS) ? at0 : VALUE_HEADS - 1;
      wire [31:0] head5 = ((at5 < VALUE_HEADS) ? at5 : VALUE_HEADS - 1) / (VALUE_HEADS / KEY_HEADS);
      // 0: the sums rounded; 1: times the decay; 2: summed; 3: the error; 4: times the step; 5: what is new; 6: times the query's own product;
      // 7: summed; 8: out.
      wire signed [TB-1:0] held0 = $signed(held[l*TB +: TB]) + `HW_HALF(KEY_FRAC);
      wire signed [TB-1:0] asked0 = $signed(asked[l*TB +: TB]) + `HW_HALF(PART_SHIFT);
      wire [W:0] predicted0 = predict(held0);
      wire [32:0] part0 = part(asked0);
      wire signed [VB+1:0] value0 = $signed(value[l*VB +: VB]) + `HW_HALF(VALUE_SHIFT);
      wire [W+2:0] wanted0 = align(value0);
      reg signed [W-1:0] predicted1_q;
      reg signed [31:0] part1_q;
      reg signed [W+1:0] wanted1_q, wanted2_q, wanted3_q;
      reg signed [21:0] decay1_q;
      reg signed [17:0] step1_q, step2_q, step3_q, step4_q;
      wire signed [W+23:0] predicted_sums [0:HD];
      wire signed [55:0] part_sums [0:HD];
      assign predicted_sums[0] = `HW_HALF(20);
      assign part_sums[0] = `HW_HALF(20);
      for (j = 0; j < HD; j = j + 1) begin : decayed
        reg signed [W+9:0] predicted_q;
        reg signed [41:0] part_q;
        wire signed [W+23:0] predicted_wide = predicted_q;
        wire signed [55:0] part_wide = part_q;
        assign predicted_sums[j+1] = predicted_sums[j] + (predicted_wide <<< (9*j));
        assign part_sums[j+1] = part_sums[j] + (part_wide <<< (9*j));
        always @(posedge clk) begin
          predicted_q <= predicted1_q * digit_decay(decay1_q, j);
          part_q <= part1_q * digit_decay(decay1_q, j);
        end
      end
      reg signed [W+3:0] predicted3_q;
      reg signed [35:0] kept3_q, kept4_q, kept5_q, kept6_q, kept7_q, kept8_q;
      wire signed [W+3:0] error3 = wanted3_q - predicted3_q;
      wire [W:0] error_d = fit(error3);
      reg signed [W-1:0] error4_q;
      wire signed [W+19:0] step_sums [0:SD];
      assign step_sums[0] = `HW_HALF(16);
      for (j = 0; j < SD; j = j + 1) begin : stepped
        reg signed [W+9:0] step_q;
        wire signed [W+19:0] wide = step_q;
        assign step_sums[j+1] = step_sums[j] + (wide <<< (9*j));
        always @(posedge clk) step_q <= error4_q * digit_step(step4_q, j);
      end
      wire [W:0] new_d = new_state(step_sums[SD]);
      assign new_beat[l*W +: W] = new_d[W-1:0];
      reg signed [W-1:0] new6_q;
      reg signed [QB+1:0] shared6_q;
      wire signed [XB-1:0] shared_sums [0:MD];
      assign shared_sums[0] = `HW_HALF(PART_SHIFT);
      for (j = 0; j < MD; j = j + 1) begin : answered
        reg signed [W+9:0] part_q;
        wire signed [XB-1:0] wide = part_q;
        assign shared_sums[j+1] = shared_sums[j] + (wide <<< (9*j));
        always @(posedge clk) part_q <= new6_q * digit_shared(shared6_q, j);
      end
      reg signed [XB-1:0] answer8_q;
      wire signed [XB+35:0] answer = answer8_q + kept8_q + `HW_HALF(GUARD);
      wire [OB:0] y = give(answer);
      assign first_clamped[l] = predicted0[W] || part0[32];
      assign error_clamped[l] = error_d[W];
      assign new_clamped[l] = new_d[W];
      assign out_clamped[l] = y[OB];
      assign out_data_d[l*OB +: OB] = y[OB-1:0];
      always @(posedge clk) begin
        predicted1_q <= predicted0[W-1:0];
        part1_q <= part0[31:0];
        wanted1_q <= wanted0[W+1:0];
        wanted2_q <= wanted1_q;
        wanted3_q <= wanted2_q;
        decay1_q <= decay_q[head0*22 +: 22];
        step1_q <= step_q[head0*18 +: 18];
        step2_q <= step1_q;
        step3_q <= step2_q;
        step4_q <= step3_q;
        predicted3_q <= predicted_sums[HD] >>> 20;
        kept3_q <= part_sums[HD] >>> 20;
        kept4_q <= kept3_q;
        kept5_q <= kept4_q;
        kept6_q <= kept5_q;
        kept7_q <= kept6_q;
        kept8_q <= kept7_q;
        error4_q <= error_d[W-1:0];
        new6_q <= new_d[W-1:0];
        shared6_q <= shared_all[head5*(QB+2) +: QB+2];
        answer8_q <= shared_sums[MD] >>> PART_SHIFT;
      end
    end
  endgenerate

  always @(posedge clk) begin
    if (q_valid) q_q[q_put_q*V*QB +: V*QB] <= q_data;
    if (k_valid) k_q[k_put_q*V*KB +: V*KB] <= k_data;
    if (decay_valid) decay_q[decay_put_q*V*22 +: V*22] <= decay_data;
    if (step_valid) step_q[step_put_q*V*18 +: V*18] <= step_data;
    if (go) begin
      base_q <= user * DK;
      zero_q <= pos == 0;
    end
    address2_q <= address1;
    address3_q <= address2_q;
    address4_q <= address3_q;
    address5_q <= address4_q;
    last2_q <= last;
    last3_q <= last2_q;
    last4_q <= last3_q;
    written_q <= written;
    beat1_q <= beat_q;
    beat2_q <= beat1_q;
    beat3_q <= beat2_q;
    beat4_q <= beat3_q;
    beat5_q <= beat4_q;
    if (m_q[5]) new_q <= new_wide[VBEATS*V*W+V*W-1:V*W];
    if (m_q[8]) out_data_q <= out_data_d;
    if (rst) begin
      q_put_q <= 0;
      k_put_q <= 0;
      v_put_q <= 0;
      decay_put_q <= 0;
      step_put_q <= 0;
      q_full_q <= 0;
      k_full_q <= 0;
      v_full_q <= 0;
      decay_full_q <= 0;
      step_full_q <= 0;
      run_q <= 0;
      second_q <= 0;
      row_q <= 0;
      r_q <= 0;
      s_q <= 0;
      write_q <= 0;
      m_q <= 0;
      beat_q <= 0;
      out_valid_q <= 0;
      ovf_q <= 0;
    end else begin
      if (q_valid) q_put_q <= (q_put_q == KBEATS - 1) ? 0 : q_put_q + 1;
      if (k_valid) k_put_q <= (k_put_q == KBEATS - 1) ? 0 : k_put_q + 1;
      if (v_valid) v_put_q <= (v_put_q == VBEATS - 1) ? 0 : v_put_q + 1;
      if (decay_valid) decay_put_q <= (decay_put_q == HBEATS - 1) ? 0 : decay_put_q + 1;
      if (step_valid) step_put_q <= (step_put_q == HBEATS - 1) ? 0 : step_put_q + 1;
      q_full_q <= !go && (q_full_q || (q_valid && q_put_q == KBEATS - 1));
      k_full_q <= !go && (k_full_q || (k_valid && k_put_q == KBEATS - 1));
      v_full_q <= !go && (v_full_q || (v_valid && v_put_q == VBEATS - 1));
      decay_full_q <= !go && (decay_full_q || (decay_valid && decay_put_q == HBEATS - 1));
      step_full_q <= !go && (step_full_q || (step_valid && step_put_q == HBEATS - 1));
      // Pass 2 begins when what is new is there for all columns.
      if (go || (m_q[5] && beat5_q == VBEATS - 1)) begin
        run_q <= 1;
        second_q <= !go;
        row_q <= 0;
      end else if (run_q) begin
        run_q <= !last;
        row_q <= row_q + 1;
      end
      r_q <= {r_q[3:2], run_q};
      s_q <= {s_q[3:2], second_q};
      write_q[5] <= r_q[4] && s_q[4];
      if (m_q[0]) beat_q <= beat_d;
      m_q <= {m_q[7:0], ends || (m_q[0] && !mid_last)};
      out_valid_q <= m_q[8];
      ovf_q <= (r_q[4] && s_q[4] && |next_clamped) || (m_q[0] && |first_clamped) || (m_q[0] && |shared_clamped)
        || (m_q[3] && |error_clamped) || (m_q[5] && |new_clamped) || (m_q[8] && |out_clamped);
    end
  end
endmodule
