
// The chip's ports: each token that wants an output gets one, once; what is offered stays until it is taken; flags rise when they should
// and never fall.
module hw_watch_tokens #(
  parameter USERS = 1,
  parameter CONTEXT = 1,
  parameter VOCAB = 2,
  parameter V = 1,
  parameter LB = 1,
  parameter K = 1
) (
  input clk,
  input rst,
  input in_valid,
  input in_ready,
  input [31:0] in_id,
  input [31:0] in_user,
  input in_first,
  input in_want,
  input out_valid,
  input out_ready,
  input [31:0] out_id,
  input signed [LB-1:0] out_logit,
  input [31:0] out_user,
  input [31:0] out_pos,
  input logits_valid,
  input [V*LB-1:0] logits_data,
  input top_valid,
  input [31:0] top_rank,
  input [31:0] top_id,
  input signed [LB-1:0] top_logit,
  input context_full,
  input bad_token,
  input overflow
);
  localparam BEATS = (VOCAB + V - 1) / V;
  reg due [0:USERS*CONTEXT-1];   // a token of this user and position waits for its output
  integer next_pos [0:USERS-1];
  integer outstanding, u, i, pos, beat, rank;
  reg full, bad, over, offered;
  reg [31:0] id_was, user_was, pos_was;
  reg signed [LB-1:0] logit_was, better;
  initial outstanding = 0;
  always @(posedge clk) begin
    if (rst) begin
      outstanding = 0;
      for (u = 0; u < USERS; u = u + 1) next_pos[u] = 0;
      for (i = 0; i < USERS * CONTEXT; i = i + 1) due[i] = 0;
      full = 0;
      bad = 0;
      over = 0;
      offered = 0;
      beat = 0;
      rank = 0;
    end else begin
      if ((in_ready ^ out_valid ^ logits_valid ^ top_valid) === 1'bx) `HW_BROKEN(("error watch ports: ready or valid is not known"))
      if (context_full !== full) `HW_BROKEN(("error watch context_full: %b, expected %b", context_full, full))
      if (bad_token !== bad) `HW_BROKEN(("error watch bad_token: %b, expected %b", bad_token, bad))
      if ((overflow ^ overflow) === 1'bx || (over && !overflow)) `HW_BROKEN(("error watch overflow: %b", overflow))
      over = overflow;
      // Outputs.
      if (offered && (!out_valid || out_id !== id_was || out_logit !== logit_was || out_user !== user_was || out_pos !== pos_was))
        `HW_BROKEN(("error watch token_out: it changed before it was taken"))
      if (out_valid) begin
        if ((^out_logit) === 1'bx || (out_id < VOCAB && out_user < USERS && out_pos < CONTEXT) !== 1'b1)
          `HW_BROKEN(("error watch token_out: id %0d, user %0d, position %0d, logit %0d", out_id, out_user, out_pos, out_logit))
        else if (!offered) begin
          if (!due[out_user*CONTEXT + out_pos]) `HW_BROKEN(("error watch token_out: nobody waits for user %0d, position %0d", out_user, out_pos))
          else outstanding = outstanding - 1;
          due[out_user*CONTEXT + out_pos] = 0;
        end
      end
      offered = out_valid && !out_ready;
      id_was = out_id;
      logit_was = out_logit;
      user_was = out_user;
      pos_was = out_pos;
`ifndef VERILATOR
      if (logits_valid) begin
        for (i = 0; i < V; i = i + 1)
          if (beat * V + i < VOCAB && (^logits_data[i*LB +: LB]) === 1'bx) `HW_BROKEN(("error watch logits: that of id %0d is not known", beat * V + i))
      end
`endif
      if (!logits_valid && beat != 0) `HW_BROKEN(("error watch logits: they stopped after %0d of %0d beats", beat, BEATS))
      if (logits_valid) beat = (beat == BEATS - 1) ? 0 : beat + 1;
      if (top_valid) begin
        if (top_rank !== rank || (top_id < VOCAB) !== 1'b1) `HW_BROKEN(("error watch top: rank %0d, id %0d, expected rank %0d", top_rank, top_id, rank))
        if (rank != 0 && (top_logit <= better) !== 1'b1) `HW_BROKEN(("error watch top: rank %0d is greater than the one before", top_rank))
        better = top_logit;
        rank = (rank == K - 1) ? 0 : rank + 1;
      end
      // Tokens in.
      if (in_valid && in_ready) begin
        if (in_id >= VOCAB || in_user >= USERS) bad = 1;
        else begin
          pos = in_first ? 0 : next_pos[in_user];
          if (pos >= CONTEXT) full = 1;
          else begin
            next_pos[in_user] = pos + 1;
            if (in_want) begin
              if (!due[in_user*CONTEXT + pos]) outstanding = outstanding + 1;
              due[in_user*CONTEXT + pos] = 1;
            end
          end
        end
      end
    end
  end
endmodule
