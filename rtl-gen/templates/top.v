// Model {{ title|comment }}
{%- for l in about %}
// {{ l|comment }}
{%- endfor %}
module {{ module }} (
  input clk,
  input rst,
{%- if embed %}
  // Token in.
  input token_in_valid,
  output token_in_ready,
  input [{{ idw }}-1:0] token_in_id,
  input [{{ uw }}-1:0] token_in_user,
  input token_in_first,          // the user starts again at position 0
  input token_in_want,           // give an output for this token
{%- else %}
  // Residual in: accepted, then its beats are taken while res_take is high.
  input res_valid,
  output res_ready,
  input [{{ header }}-1:0] res_header, // want, user, position
  output res_take,
  input [{{ v * rb }}-1:0] res_data,
{%- endif %}
{%- if head %}
  // Token out.
  output token_out_valid,
  input token_out_ready,
  output [{{ idw }}-1:0] token_out_id,
  output signed [{{ lb }}-1:0] token_out_logit,
  output [{{ uw }}-1:0] token_out_user,
  output [{{ posw }}-1:0] token_out_pos,
  // The logits as they pass, V a beat, and the greatest of them in order.
  output logits_valid,
  output [{{ v * lb }}-1:0] logits_data,
  output top_valid,
  output [{{ topw }}-1:0] top_rank,
  output [{{ idw }}-1:0] top_id,
  output signed [{{ lb }}-1:0] top_logit,
{%- else %}
  // Residual out.
  output out_valid,
  output [{{ v * rb }}-1:0] out_data,
  output [{{ header }}-1:0] out_header,
  input out_ready,
{%- endif %}
  // Sticky.
  output context_full,           // a token came past the context and was dropped
  output bad_token,              // a token of no such id or user was dropped
  output reg overflow
);
{%- for s in links %}
  wire s{{ s }}_valid, s{{ s }}_ready;
  wire [{{ v * rb }}-1:0] s{{ s }}_data;
  wire [{{ header }}-1:0] s{{ s }}_header;
  wire r{{ s }}_valid;
  wire [{{ pp * 32 }}-1:0] r{{ s }}_data;
{%- endfor %}
{%- if lw > 0 %}
  // The ring: a token that leaves its last station comes back to its first in the next round, until its last layer is done.
{%- for s in stations %}
{%- if !s.head %}
  wire o{{ s.index }}_valid, o{{ s.index }}_asks, o{{ s.index }}_waiting, q{{ s.index }}_valid;
  wire [{{ v * rb }}-1:0] o{{ s.index }}_data;
  wire [{{ header }}-1:0] o{{ s.index }}_header;
  wire [{{ pp * 32 }}-1:0] q{{ s.index }}_data;
{%- if !s.passes %}
  assign q{{ s.index }}_valid = 0;
  assign q{{ s.index }}_data = 0;
{%- endif %}
{%- endif %}
{%- endfor %}
  wire done = o{{ exit }}_header[{{ posw + uw }} +: {{ lw }}] == {{ last_round }}; // the token in the station before the head
  wire turn = !done{% for s in stations %}{% if !s.head %} && o{{ s.index }}_waiting{% endif %}{% endfor %};
{%- for s in stations %}
{%- if !s.head && s.index > 1 %}
  assign s{{ s.index }}_valid = o{{ s.index - 1 }}_valid{% if s.index - 1 == exit %} && !done{% endif %};
  assign s{{ s.index }}_data = o{{ s.index - 1 }}_data;
  assign s{{ s.index }}_header = o{{ s.index - 1 }}_header;
  assign r{{ s.index }}_valid = q{{ s.index - 1 }}_valid{% if s.index - 1 == exit %} && !done{% endif %};
  assign r{{ s.index }}_data = q{{ s.index - 1 }}_data;
{%- endif %}
{%- endfor %}
  assign s{{ head_index }}_valid = o{{ exit }}_valid && done;
  assign s{{ head_index }}_data = o{{ exit }}_data;
  assign s{{ head_index }}_header = o{{ exit }}_header;
  assign r{{ head_index }}_valid = 0;
  assign r{{ head_index }}_data = 0;
  // Its entry: a token of the ring comes before a new one; who has been let in is on the way until the first station is busy.
  reg coming;
  wire entry_ready = s1_ready && !coming;
  wire last_asks = o{{ ring }}_asks{% if exit == ring %} && !done{% endif %};
  wire last_valid = o{{ ring }}_valid{% if exit == ring %} && !done{% endif %};
  wire [{{ 1 + uw + posw }}-1:0] new_header;
  wire r_new_valid;
  wire [{{ pp * 32 }}-1:0] r_new_data;
{%- if !rotation %}
  assign r_new_valid = 0;
  assign r_new_data = 0;
{%- endif %}
  wire [{{ header }}-1:0] last_header = o{{ ring }}_header;
  wire [{{ lw }}-1:0] next_round = last_header[{{ posw + uw }} +: {{ lw }}] + 1;
{%- endif %}
{%- if embed %}
  wire start, busy_last, embed_last;
  wire [{{ posw }}-1:0] pos;
  reg embedding;
  hw_intake #(.USERS({{ users }}), .CONTEXT({{ context }}), .VOCAB({{ vocab }}), .IDW({{ idw }}), .UW({{ uw }}), .POSW({{ posw }})) intake (
    .clk(clk), .rst(rst), .valid(token_in_valid), .ready(token_in_ready), .id(token_in_id), .user(token_in_user), .first(token_in_first),
    .want(token_in_want), .idle(!embedding && {% if lw > 0 %}entry_ready && !last_asks{% else %}s{{ first }}_ready{% endif %}), .start(start), .pos(pos), .header({% if lw > 0 %}new_header{% else %}s{{ first }}_header{% endif %}), .context_full(context_full), .bad_token(bad_token)
  );
  always @(posedge clk) begin
    if (start) embedding <= 1;
    else if (embed_last) embedding <= 0;
    if (rst) embedding <= 0;
  end
{{ embed_instance|code }}
{%- if lw > 0 %}
  assign s1_valid = embed_valid || last_valid;
  assign s1_data = last_valid ? o{{ ring }}_data : embed_data;
  assign s1_header = last_valid ? {last_header[{{ header - 1 }}], next_round, last_header[{{ posw + uw }}-1:0]}
    : {new_header[{{ uw + posw }}], {{ lw }}'d0, new_header[{{ uw + posw }}-1:0]};
  assign r1_valid = r_new_valid || (q{{ ring }}_valid && last_valid);
  assign r1_data = last_valid ? q{{ ring }}_data : r_new_data;
  always @(posedge clk) begin
    coming <= start || (last_asks && entry_ready) || (coming && s1_ready);
    if (rst) coming <= 0;
  end
{%- endif %}
{%- else %}
  assign context_full = 0;
  assign bad_token = 0;
  wire start = res_valid && res_ready;
  wire [{{ posw }}-1:0] pos = res_header[{{ posw }}-1:0];
  reg taking;
  reg [6:1] accepted;
  reg [{{ bw }}-1:0] beat;
  reg [{{ header }}-1:0] held;
  reg busy;
  assign res_ready = !busy && s{{ first }}_ready;
  assign res_take = taking;
  assign s{{ first }}_valid = taking;
  assign s{{ first }}_data = res_data;
  assign s{{ first }}_header = held;
  always @(posedge clk) begin
    accepted <= {accepted[5:1], start};
    if (start) begin
      busy <= 1;
      held <= res_header;
    end
    if (accepted[6]) begin
      taking <= 1;
      beat <= 0;
    end else if (taking) begin
      beat <= beat + 1;
      if (beat == {{ beats - 1 }}) begin
        taking <= 0;
        busy <= 0;
      end
    end
    if (rst) begin
      accepted <= 0; taking <= 0; busy <= 0;
    end
  end
{%- endif %}
{%- if rotation %}
{{ phase_instance|code }}
{%- endif %}
{%- for s in stations %}
  wire ovf_{{ s.index }};
{%- endfor %}
{%- if head %}
  wire [{{ header }}-1:0] token_header;
  assign token_out_pos = token_header[{{ posw }}-1:0];
  assign token_out_user = token_header[{{ posw }} +: {{ uw }}];
{%- endif %}
{% for s in stations %}
  {{ s.module }} {{ s.module }}_i (
    .clk(clk), .rst(rst), .in_valid(s{{ s.index }}_valid), .in_data(s{{ s.index }}_data), .in_header(s{{ s.index }}_header),
{%- if s.rotation %}
    .rot_in_valid(r{{ s.index }}_valid), .rot_in_data(r{{ s.index }}_data),
{%- endif %}
    .ready(s{{ s.index }}_ready),
{%- if s.head %}
    .token_valid(token_out_valid), .token_ready(token_out_ready), .token_id(token_out_id), .token_logit(token_out_logit),
    .token_header(token_header), .logits_valid(logits_valid), .logits_data(logits_data),
    .top_valid(top_valid), .top_rank(top_rank), .top_id(top_id), .top_logit(top_logit),
{%- else if s.last %}
    .out_valid(out_valid), .out_data(out_data), .out_header(out_header), .next_ready(out_ready),
{%- else if lw > 0 %}
    .out_valid(o{{ s.index }}_valid), .out_data(o{{ s.index }}_data), .out_header(o{{ s.index }}_header),
    .next_ready({% if s.index == exit %}done ? s{{ head_index }}_ready : {% endif %}{% if s.next == 1 %}entry_ready{% else %}s{{ s.next }}_ready{% endif %} || turn),
    .asks(o{{ s.index }}_asks), .waiting(o{{ s.index }}_waiting), .turn(turn),
{%- else %}
    .out_valid(s{{ s.index + 1 }}_valid), .out_data(s{{ s.index + 1 }}_data), .out_header(s{{ s.index + 1 }}_header), .next_ready(s{{ s.index + 1 }}_ready),
{%- endif %}
{%- if s.passes && lw > 0 %}
    .rot_out_valid(q{{ s.index }}_valid), .rot_out_data(q{{ s.index }}_data),
{%- else if s.passes %}
    .rot_out_valid(r{{ s.index + 1 }}_valid), .rot_out_data(r{{ s.index + 1 }}_data),
{%- endif %}
    .ovf(ovf_{{ s.index }})
  );
{%- endfor %}
  always @(posedge clk) begin
    if ({{ ovf|expression }}) overflow <= 1;
    if (rst) overflow <= 0;
  end
endmodule
